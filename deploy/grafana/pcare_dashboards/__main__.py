"""`python -m pcare_dashboards`: see generate."""

import sys

from pcare_dashboards.generate import main

sys.exit(main())
