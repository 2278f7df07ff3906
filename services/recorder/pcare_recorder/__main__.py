"""`python -m pcare_recorder`: run the recorder."""

from pcare_recorder.app import main

if __name__ == "__main__":
    main()
