// Keeps the page true by itself. It asks for a few bytes every five seconds, and for the page only when a number has
// changed; what has changed is put in place, so that focus, scroll and open details stay as they are.
(() => {
  const EVERY = 5000;
  const PATIENCE = 4000;
  const root = document.documentElement;
  const away = document.getElementById("away");
  let answered = performance.now();
  let silent = false;
  let paused = false;
  let asking = false;

  const put = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) return (old.nodeValue = fresh.nodeValue);
    for (const { name } of [...old.attributes]) if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const before = [...old.childNodes];
    const after = [...fresh.childNodes];
    after.forEach((node, place) => (place < before.length ? put(before[place], node) : old.append(node)));
    before.slice(after.length).forEach((node) => node.remove());
  };

  const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

  const ask = async (address) => {
    const answer = await fetch(address, { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(answer.statusText);
    return answer;
  };

  const look = async () => {
    if (asking || paused || document.hidden) return;
    asking = true;
    try {
      const said = await (await ask(`board/status${location.search}`)).json();
      if (said.version !== root.dataset.version) return location.reload();
      if (said.numbers !== document.getElementById("numbers").dataset.numbers) {
        const page = parsed(await (await ask(`./${location.search}`)).text());
        for (const id of ["header", "years", "numbers"]) put(document.getElementById(id), page.getElementById(id));
        document.title = page.title;
        said.status = page.getElementById("status").outerHTML;
      }
      answered = performance.now();
      heard();
      put(document.getElementById("status"), withButton(parsed(said.status).getElementById("status")));
    } catch {
      silent = true;
      warn();
    } finally {
      asking = false;
    }
  };

  const heard = () => {
    if (!silent) return;
    silent = false;
    away.hidden = true;
    root.classList.remove("away-now");
  };

  const words = (seconds) => {
    const [size, unit] = seconds >= 7200 ? [3600, "hour"] : seconds >= 60 ? [60, "minute"] : [1, "second"];
    const many = Math.floor(seconds / size);
    return `${many} ${unit}${many === 1 ? "" : "s"}`;
  };

  // Said again every second: numbers that stand still must look as old as they are.
  const warn = () => {
    if (!silent) return;
    const { time, age } = document.getElementById("status").dataset;
    const old = Number(age) + (performance.now() - answered) / 1000;
    const text = time
      ? `Numbers of ${time}, ${words(old)} old: the aggregator does not answer.`
      : "The aggregator does not answer.";
    if (away.textContent !== text) away.textContent = text;
    away.hidden = false;
    root.classList.add("away-now");
    const sentence = "The aggregator does not answer. These numbers stand still; they go on by themselves when it is back.";
    const state = document.getElementById("state");
    if (state.textContent !== sentence) state.textContent = sentence;
  };

  const withButton = (status) => {
    const button = document.createElement("button");
    button.id = "pause";
    button.type = "button";
    button.textContent = paused ? "Update by itself again" : "Pause updates";
    status.append(button);
    return status;
  };

  document.addEventListener("click", ({ target }) => {
    if (target.id !== "pause") return;
    paused = !paused;
    target.textContent = paused ? "Update by itself again" : "Pause updates";
    look();
  });
  document.addEventListener("visibilitychange", look);
  withButton(document.getElementById("status"));
  setInterval(look, EVERY);
  setInterval(warn, 1000);
})();
