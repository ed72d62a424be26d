#!/usr/bin/env python3
"""Writes data.csv: pelts of hares and lynxes bought by the Hudson's Bay Company, in thousands, and their logarithms.

    python3 experiments/lynx_hare/make_data.py

The counts of 1900-1920 are those of Hewitt, The Conservation of the Wild Life of Canada (1921), as tabulated in
Howard, Modeling Basics (2009), and used by Carpenter, "Predator-prey population dynamics: the Lotka-Volterra
model in Stan" (2018), https://mc-stan.org/learn-stan/case-studies/lotka-volterra-predator-prey.html.
"""

import csv
import math
import pathlib

FIRST_YEAR = 1900
# fmt: off
HARE = [30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1,
        40.3, 57.0, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]
LYNX = [4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4,
        8.0, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
# fmt: on

with open(pathlib.Path(__file__).with_name("data.csv"), "w", newline="") as file:
    table = csv.writer(file, lineterminator="\n")
    table.writerow(["year", "hare", "lynx", "log_hare", "log_lynx"])
    for k, (hare, lynx) in enumerate(zip(HARE, LYNX, strict=True)):
        table.writerow([FIRST_YEAR + k, hare, lynx, f"{math.log(hare):.6f}", f"{math.log(lynx):.6f}"])
