// Measures operations and whole steps. Each model case runs in a process of its own, so that its memory is its own.
#include <sys/wait.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "ensemble_cases.hpp"
#include "kernel_cases.hpp"
#include "machine.hpp"
#include "model_cases.hpp"
#include "saving_case.hpp"

namespace {

using accrete::Json;
namespace options = boost::program_options;

struct Settings {
  std::string only_case, output;
  int repeats = 5, threads = 2;
  bool json = false, frozen_only = false;
  double peak = 0;
};

std::string text_of(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

/// Runs this program in a child, so that what it allocates is not counted as ours, and returns the JSON it prints.
Json run_in_child(std::vector<std::string> arguments) {
  int pipe_ends[2];
  if (pipe(pipe_ends) != 0) throw accrete::Error("bench: cannot make a pipe");
  pid_t const child = fork();
  if (child < 0) throw accrete::Error("bench: cannot start a process");
  if (child == 0) {
    dup2(pipe_ends[1], STDOUT_FILENO);
    close(pipe_ends[0]);
    std::vector<char*> pointers{const_cast<char*>("accrete-bench")};
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    execv("/proc/self/exe", pointers.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t count; (count = read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
    output.append(buffer, static_cast<std::size_t>(count));
  close(pipe_ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw accrete::Error("bench: a measurement did not end well: " + arguments.front() + " " +
                         arguments.at(1));
  return Json::parse(output, "measurement");
}

Json run_case_in_child(Settings const& settings, std::string const& name) {
  return run_in_child({"--case", name, "--json", "--repeats", std::to_string(settings.repeats),
                       "--threads", std::to_string(settings.threads), "--peak",
                       text_of(settings.peak)});
}

Json describe_machine(Settings const& settings) {
  accrete::ThreadPool pool(settings.threads);
  return Json::object(
      {{"peak", bench::measure_fma_peak(pool)},
       {"bandwidth", bench::measure_read_bandwidth(pool, accrete::Index{512} << 20)},
       {"cached_bandwidth", bench::measure_read_bandwidth(pool, accrete::Index{16} << 20)}});
}

Json measure_machine(Settings const& settings) {
  return run_in_child({"--machine", "--threads", std::to_string(settings.threads)});
}

Json run_cases(Settings const& settings, std::vector<std::string> const& names) {
  std::printf("\n%-12s %12s %10s %22s %10s\n", "case", "tokens/s", "GFLOP/s", "of floor", "MiB");
  Json cases = Json::array();
  for (auto const& name : names) {
    Json const row = run_case_in_child(settings, name);
    std::printf("%-12s %12.1f %10.1f %6.0f%% %-15s %10.0f\n", name.c_str(),
                row.at("tokens_per_second").as_double(), row.at("gflops").as_double(),
                100 * row.at("floor_fraction").as_double(), row.at("floor").as_string().c_str(),
                row.at("vm_hwm_mib").as_double());
    std::fflush(stdout);
    cases.push_back(row);
  }
  return cases;
}

Json run_all(Settings& settings) {
  Json const machine = measure_machine(settings);
  if (settings.peak == 0) settings.peak = machine.at("peak").as_double();
  double const bandwidth = machine.at("bandwidth").as_double() / 1e9;
  double const cached_bandwidth = machine.at("cached_bandwidth").as_double() / 1e9;
  Json report = Json::object();
  report["machine"] = Json(accrete::processor_name());
  report["threads"] = Json(settings.threads);
  report["engine"] = Json(accrete::CpuBackend(settings.threads).description());
  report["fma_peak_gflops"] = Json(settings.peak / 1e9);
  report["read_bandwidth_gb_per_second"] = Json(bandwidth);
  report["cached_read_bandwidth_gb_per_second"] = Json(cached_bandwidth);
  std::printf(
      "%s, %d threads, %s\nFMA peak %.1f GFLOP/s, read bandwidth %.1f GB/s (16 MiB: %.1f GB/s)\n\n",
      report.at("machine").as_string().c_str(), settings.threads,
      report.at("engine").as_string().c_str(), settings.peak / 1e9, bandwidth, cached_bandwidth);

  if (!settings.frozen_only) {
    std::printf("%-32s %12s %10s %8s\n", "operation", "ms", "GFLOP/s", "of peak");
    report["kernels"] = bench::run_kernel_cases(settings.repeats, settings.threads, settings.peak);
    for (Json const& row : report.at("kernels").as_array())
      std::printf("%-32s %12.3f %10.1f %7.0f%%\n", row.at("case").as_string().c_str(),
                  row.at("milliseconds").as_double(), row.at("gflops").as_double(),
                  100 * row.at("floor_fraction").as_double());
  }
  report["cases"] =
      run_cases(settings, settings.frozen_only ? bench::frozen_cases() : bench::model_cases());
  if (settings.frozen_only) return report;

  std::printf("\n%-32s %12s %12s %8s %12s %8s\n", "two experts, a token", "together ms",
              "in turn ms", "ratio", "1 thread ms", "ratio");
  report["ensembles"] = bench::run_ensemble_cases(settings.repeats, settings.threads);
  for (Json const& row : report.at("ensembles").as_array())
    std::printf("%-32s %12.4f %12.4f %8.2f %12.4f %8.2f\n", row.at("case").as_string().c_str(),
                row.at("milliseconds_together").as_double(),
                row.at("milliseconds_in_turn").as_double(), row.at("ratio").as_double(),
                row.at("milliseconds_in_one_thread").as_double(),
                row.at("ratio_to_one_thread").as_double());
  return report;
}

int run(int argument_count, char** arguments) {
  Settings settings;
  options::options_description description(
      "accrete-bench: speed and memory of operations and whole steps");
  auto add = description.add_options();
  add("help", "this text");
  add("case", options::value(&settings.only_case),
      "one model case alone, in this process: S-full, M-decode, ...");
  add("repeats", options::value(&settings.repeats)->default_value(5),
      "samples of each figure; the median counts");
  add("threads", options::value(&settings.threads)->default_value(2), "threads");
  add("frozen", options::bool_switch(&settings.frozen_only),
      "growth above more and more frozen blocks alone, with and without a prefix cache");
  add("ensembles", "two experts side by side and one after the other, alone: print JSON");
  add("saving", "how long checkpoints hold training up, alone: print JSON");
  add("machine", "measure the machine alone and print JSON");
  add("json", options::bool_switch(&settings.json), "with --case: print JSON alone");
  add("out", options::value(&settings.output)->default_value("out/bench.json"),
      "where the JSON of a whole run goes");
  add("peak", options::value(&settings.peak), "FLOP/s to compare with, instead of measuring them");
  options::variables_map values;
  options::store(options::parse_command_line(argument_count, arguments, description), values);
  options::notify(values);
  if (values.count("help") != 0) {
    std::cout << description;
    return 0;
  }
  if (settings.repeats < 1) throw options::error("--repeats must be at least 1");
  if (values.count("machine") != 0) {
    std::cout << describe_machine(settings).dump() << "\n";
    return 0;
  }
  if (values.count("ensembles") != 0) {
    std::cout << bench::run_ensemble_cases(settings.repeats, settings.threads).dump(2) << "\n";
    return 0;
  }
  if (values.count("saving") != 0) {
    std::cout << bench::run_saving_case(settings.repeats, settings.threads).dump(2) << "\n";
    return 0;
  }
  if (!settings.only_case.empty()) {
    if (settings.peak == 0) settings.peak = measure_machine(settings).at("peak").as_double();
    Json const result = bench::run_model_case(settings.only_case, settings.repeats,
                                              settings.threads, settings.peak);
    std::cout << result.dump(settings.json ? -1 : 2) << "\n";
    return 0;
  }
  Json const report = run_all(settings);
  std::filesystem::path const output = settings.output;
  if (output.has_parent_path()) std::filesystem::create_directories(output.parent_path());
  accrete::write_file_atomically(output, report.dump(2) + "\n");
  std::printf("\nwritten: %s\n", settings.output.c_str());
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count, arguments);
  } catch (options::error const& error) {
    std::fprintf(stderr, "accrete-bench: %s; see --help\n", error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-bench: %s\n", error.what());
    return 1;
  }
}
