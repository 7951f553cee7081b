// The controlled study: frozen substrates against a learned one, growth against monolithic training, every way to merge.
// Each cell is made in a process of its own, so that its memory is its own, and is made once.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <accrete/io/folder_lock.hpp>
#include <accrete/report/machine.hpp>
#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>
#include <optional>
#include <utility>

#include "../programs/interruption.hpp"
#include "ground.hpp"
#include "study_report.hpp"
#include "text.hpp"

namespace {

using namespace study;
namespace options = boost::program_options;

struct Arguments {
  Settings settings{};
  std::string scale = "quick", cell{};
  std::vector<std::string> own_text{};
  bool report_only = false;
};

/// Makes one cell in this process and writes what it found.
void make_one(Settings const& settings, Cell const& cell, std::stop_token stop) {
  Json const result = make_cell(settings, cell, stop);
  accrete::write_file_atomically(settings.state(cell.name() + ".json"), result.dump() + "\n");
}

/// Runs this program once more, for one cell. Returns its exit code. SIGTERM is passed on; Ctrl-C reaches both.
int run_in_child(std::vector<std::string> arguments, std::string const& cell,
                 Interruption const& interruption) {
  arguments.insert(arguments.end(), {"--cell", cell});
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  std::fflush(nullptr);
  pid_t const child = ::fork();
  if (child < 0) throw accrete::Error("study: cannot start a process");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // a second signal ends both at once
    ::execv("/proc/self/exe", pointers.data());
    ::_exit(127);
  }
  int status = 0;
  bool passed_on = false;
  for (pid_t ended = 0; ended == 0 || (ended < 0 && errno == EINTR);) {
    if (interruption.signal() == SIGTERM && !std::exchange(passed_on, true)) ::kill(child, SIGTERM);
    ::usleep(20'000);
    ended = ::waitpid(child, &status, WNOHANG);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void report(Settings const& settings, std::vector<Cell> const& cells) {
  Results const results(settings, cells);
  Facts facts{.cells = results.count()};
  facts.machine = accrete::message(accrete::processor_name(), ", ", settings.threads, " threads");
  facts.fingerprint =
      accrete::Substrate::load(settings.state("substrate.safetensors")).fingerprint();
  for (Cell const& cell : cells) {
    Json const* const json = results.find(cell);
    if (json == nullptr) continue;
    if (json->contains("seconds")) facts.seconds += json->at("seconds").as_double();
    std::string const& engine = json->at("engine").as_string();
    if (facts.engine.find(engine) == std::string::npos)
      facts.engine += (facts.engine.empty() ? "" : "; ") + engine;
  }
  auto const measures = load_measures(settings);
  write_report(results, measures, facts, settings);
  for (Claim const& claim : find_claims(results, measures))
    std::printf("%-28s %s\n%-28s %s\n", std::string(verdict_names.name_of(claim.verdict)).c_str(),
                claim.claim.c_str(), "", claim.numbers.c_str());
  std::printf("\n%zu of %zu cells, %s of computing\nreport: %s\n", results.count(), cells.size(),
              accrete::duration_text(facts.seconds).c_str(),
              (settings.output / "report.html").string().c_str());
}

int run(Arguments const& arguments, std::vector<std::string> const& words,
        Interruption const& interruption) {
  Settings const& settings = arguments.settings;
  auto const cells = all_cells(settings.scale);
  if (!arguments.cell.empty()) {
    for (Cell const& cell : cells)
      if (cell.name() == arguments.cell) {
        make_one(settings, cell, interruption.token());
        return 0;
      }
    throw accrete::ValueError(accrete::message("--cell: this scale has no cell ", arguments.cell));
  }
  if (!arguments.report_only) {
    accrete::FolderLock const lock(settings.output);
    prepare_text(settings);
    std::size_t number = 0;
    for (Cell const& cell : cells) {
      ++number;
      if (std::filesystem::exists(settings.state(cell.name() + ".json"))) continue;
      if (interruption.requested()) throw Interrupted{};
      std::printf("%zu of %zu: %s\n", number, cells.size(), cell.name().c_str());
      int const code = run_in_child(words, cell.name(), interruption);
      if (interruption.requested()) throw Interrupted{};
      if (code != 0) return code;  // the child has said why
    }
  }
  report(settings, cells);
  return 0;
}

/// Returns nothing where only help was asked for.
std::optional<Arguments> parse(int argument_count, char** arguments) {
  Arguments result;
  Settings& settings = result.settings;
  options::options_description description(
      "accrete-study: substrates, growth and merges, compared over seeds");
  auto add = description.add_options();
  add("help", "this text");
  add("scale", options::value(&result.scale)->default_value("quick"),
      "quick (minutes), small (about two hours on two cores) or paper (the published sizes, for a "
      "build with ACCRETE_STUDY_ON_CUDA)");
  add("text", options::value(&result.own_text)->composing(),
      "LANG=PATH: own text (a file or a folder) instead of Debian's manuals; two or more of them");
  add("text-folder", options::value(&settings.text_folder)->default_value(settings.text_folder),
      "where the unpacked packages lie");
  add("font", options::value(&settings.font)->default_value(settings.font),
      "TTF or OTF font of the glyphs");
  add("out", options::value(&settings.output)->default_value(settings.output),
      "folder of the report and of the state");
  add("threads", options::value(&settings.threads)->default_value(settings.threads), "threads");
  add("report", options::bool_switch(&result.report_only), "report what is there and make nothing");
  add("cell", options::value(&result.cell), "make this cell alone, in this process");
  options::variables_map values;
  options::store(options::parse_command_line(argument_count, arguments, description), values);
  options::notify(values);
  if (values.count("help") != 0) {
    std::cout << description;
    return std::nullopt;
  }
  settings.scale = scale_called(result.scale);
  if (settings.threads < 1 || settings.threads > accrete::ThreadPool::max_threads)
    throw options::error("--threads: expected 1 to 1024");
  for (std::string const& text : result.own_text)
    settings.own_text.push_back(demo::parse_own_text(text));
  if (settings.own_text.size() == 1)
    throw options::error("--text: expected two languages or more, got one");
  return result;
}

}  // namespace

int main(int argument_count, char** arguments) {
  Interruption const interruption("ending this cell; what is done stays");
  std::optional<Arguments> parsed;
  try {
    parsed = parse(argument_count, arguments);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-study: %s; see --help\n", error.what());
    return 2;
  }
  if (!parsed) return 0;
  try {
    return run(*parsed, {arguments, arguments + argument_count}, interruption);
  } catch (Interrupted const&) {
    if (parsed->cell.empty())
      std::fprintf(
          stderr,
          "accrete-study: stopped; the same command goes on with the cell that was interrupted\n");
    return interruption.exit_status();
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-study: %s\n", error.what());
    return 1;
  }
}
