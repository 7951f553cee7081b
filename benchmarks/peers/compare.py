"""Runs the benchmark cases of accrete and of every PyTorch at hand in turn and prints the ratios.

Usage: compare.py --ours build/release/benchmarks/accrete-bench [--cases S-full,M-decode] [--rounds 3] [--check bounds.json]

Every round runs one process per program and case, so that a slow minute of the machine meets all of them. A figure is
the median of all samples of all rounds, its memory the largest VmHWM; the ratio is against the fastest PyTorch variant,
the memory ratio against the PyTorch variant that needs least. The last column says how much of the machine other
processes took meanwhile: distrust a row above a few per cent.

PyTorch is looked for in the running Python, in an active virtual environment and in /usr/bin/python3 (Debian); further
ones come with --python, a command that may set its environment ("env LD_LIBRARY_PATH=... python3").
Without --ours only the PyTorch variants are measured. --check exits with 1 when a bound is missed.
"""
import argparse
import json
import os
import pathlib
import resource
import shlex
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PEER = str(HERE / "pytorch_peer.py")
CASES = [f"{size}-{kind}" for size in "SM" for kind in ("full", "growth", "forward", "decode")]
OURS = "accrete"


def fail(sentence):
    print(f"compare: {sentence}", file=sys.stderr)
    sys.exit(2)


def comma_list(allowed):
    def parse(text):
        names = text.split(",")
        unknown = [name for name in names if name not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown {unknown[0]!r}, expected some of {','.join(allowed)}")
        return names

    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", help="command of the accrete benchmark; gets --case C --repeats N --json")
    parser.add_argument("--cases", type=comma_list(CASES), default=CASES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="samples of a process")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch")
    parser.add_argument("--python", action="append", default=[], help="a further command that starts a Python with torch")
    parser.add_argument("--malloc", type=comma_list(("stock", "tuned", "jemalloc")), default=["stock", "tuned"])
    parser.add_argument("--compile", action="store_true", help="also run PyTorch 2 with torch.compile")
    parser.add_argument("--out", help="write every sample to this JSON file")
    parser.add_argument("--check", metavar="BOUNDS", help="exit with 1 when a bound of this JSON file is missed")
    options = parser.parse_args()
    if options.check and not options.ours:
        parser.error("--check needs --ours")
    return options


def find_pythons(further):
    """Returns {label: command} of every Python that can import torch, one per version unless named with --python."""
    candidates = [[sys.executable], ["/usr/bin/python3"]]
    if "VIRTUAL_ENV" in os.environ:
        candidates.append([os.environ["VIRTUAL_ENV"] + "/bin/python"])
    named = [shlex.split(command) for command in further]
    found = {}
    for command in candidates + named:
        try:
            probe = subprocess.run([*command, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
        except OSError as error:
            probe = subprocess.CompletedProcess(command, 1, "", str(error))
        if probe.returncode != 0:
            if command in named:
                fail(f"--python {shlex.join(command)}: {(probe.stderr.strip() or 'failed').splitlines()[-1]}")
            continue
        label = f"torch {probe.stdout.strip()}"
        if label in found:
            if command not in named or command in found.values():
                continue
            label += f" #{1 + sum(name.startswith(label) for name in found)}"
        found[label] = command
    return found


def make_programs(options):
    """Returns {label: command}, ours first; each command takes --case C --repeats N and prints JSON."""
    programs = {OURS: [*shlex.split(options.ours), "--json"]} if options.ours else {}
    pythons = find_pythons(options.python)
    if not pythons:
        fail("no PyTorch found: `pip install torch` or install Debian's python3-torch")
    for label, command in pythons.items():
        for malloc in options.malloc:
            peer = [*command, PEER, "--threads", str(options.threads), "--malloc", malloc]
            programs[f"{label} {malloc}"] = peer
            if options.compile and not label.startswith("torch 1."):
                programs[f"{label} {malloc} compiled"] = [*peer, "--compile"]
    return programs


def busy_seconds():
    """Seconds that all processors together were not idle since start-up."""
    with open("/proc/stat") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")  # all but idle and iowait


def own_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_once(label, command, case, repeats):
    """Runs one process; returns its JSON with "others", the share of the machine that other processes took."""
    start, busy, own = time.monotonic(), busy_seconds(), own_seconds()
    done = subprocess.run([*command, "--case", case, "--repeats", str(repeats)], stdout=subprocess.PIPE, text=True)
    others = (busy_seconds() - busy) - (own_seconds() - own)
    try:
        if done.returncode != 0:
            raise ValueError(f"exit code {done.returncode}")
        result = json.loads(done.stdout[done.stdout.index("{"):])
        for key in ("samples", "gflops", "vm_hwm_mib"):
            result[key]
    except (ValueError, KeyError) as error:
        fail(f"{label}, case {case}: no usable result ({error}); command: {shlex.join(command)}")
    result["others"] = max(0.0, others / (time.monotonic() - start) / os.cpu_count())
    return result


def summarise(runs):
    """Joins the rounds of one program and case."""
    samples = [sample for run in runs for sample in run["samples"]]
    return {
        "tokens_per_second": statistics.median(samples),
        "gflops": statistics.median(run["gflops"] for run in runs),
        "vm_hwm_mib": max(run["vm_hwm_mib"] for run in runs),
        "others": max(run["others"] for run in runs),
        "samples": samples,
        "last_run": runs[-1],
    }


def compare_case(results):
    """Returns the comparison of one case: which PyTorch is fastest, and the ratios of ours to it."""
    peers = {label: result for label, result in results.items() if label != OURS}
    fastest = max(peers, key=lambda label: peers[label]["tokens_per_second"])
    comparison = {"programs": results, "fastest_peer": fastest}
    if OURS in results:
        ours = results[OURS]
        comparison["speed_ratio"] = ours["tokens_per_second"] / peers[fastest]["tokens_per_second"]
        comparison["memory_ratio"] = ours["vm_hwm_mib"] / min(peer["vm_hwm_mib"] for peer in peers.values())
    return comparison


def measure(options, programs):
    comparisons = {}
    for case in options.cases:
        runs = {label: [] for label in programs}
        for _ in range(options.rounds):
            for label, command in programs.items():
                runs[label].append(run_once(label, command, case, options.repeats))
        comparisons[case] = compare_case({label: summarise(rounds) for label, rounds in runs.items()})
        print_case(case, comparisons[case])
    return comparisons


def print_case(case, comparison):
    for label, result in comparison["programs"].items():
        ratio = ""
        if label == OURS:
            ratio = f"   {comparison['speed_ratio']:.2f}x speed, {comparison['memory_ratio']:.2f}x memory"
        elif label == comparison["fastest_peer"]:
            ratio = "   fastest peer"
        print(f"{case:10} {label:32} {result['tokens_per_second']:9.1f} tokens/s {result['gflops']:7.1f} GFLOP/s "
              f"{result['vm_hwm_mib']:7.0f} MiB  others {100 * result['others']:3.0f} %{ratio}", flush=True)


def print_versions(comparisons):
    programs = next(iter(comparisons.values()))["programs"]
    for label, result in programs.items():
        run = result["last_run"]
        versions = run.get("versions", {"engine": run.get("engine", "not given")})
        print(f"{label}: " + ", ".join(f"{key} {value}" for key, value in versions.items()))


def check(comparisons, bounds_path):
    """Prints one line per bound; returns whether all measured cases keep theirs."""
    with open(bounds_path) as file:
        bounds = json.load(file)
    kept = True
    for case, comparison in comparisons.items():
        memory = comparison["programs"][OURS]["vm_hwm_mib"]
        found = {
            "least_speed_ratio": comparison["speed_ratio"],
            "largest_memory_ratio": comparison["memory_ratio"],
            "largest_memory_mib": memory,
        }
        for name, bound in bounds.get(case, {}).items():
            ok = found[name] >= bound if name.startswith("least") else found[name] <= bound
            kept = kept and ok
            print(f"check {case:10} {name:22} bound {bound:<8g} found {found[name]:<8.4g} {'ok' if ok else 'MISSED'}")
    return kept


def main():
    options = parse_arguments()
    programs = make_programs(options)
    comparisons = measure(options, programs)
    print_versions(comparisons)
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps(comparisons, indent=1) + "\n")
    if options.check and not check(comparisons, options.check):
        sys.exit(1)


if __name__ == "__main__":
    main()
