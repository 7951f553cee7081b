/// What the commands of accrete-substrate have in common: their options, and what they print.
#pragma once

#include <boost/program_options.hpp>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/thread_pool.hpp>
#include <accrete/report/progress.hpp>
#include <accrete/substrate/glyph_substrate.hpp>

#include "font.hpp"
#include "recipe_choice.hpp"

namespace substrate_program {

namespace options = boost::program_options;

/// What follows the name of a command.
using Words = std::vector<std::string>;

/// A path on the command line, which may have spaces. (Read as a std::filesystem::path it may not.)
[[nodiscard]] inline auto* path_value(std::filesystem::path& path) {
  return options::value<std::string>()->notifier([&path](std::string const& text) { path = text; });
}

/// Options that any command may have; each adds those that it reads.
struct Settings {
  FontChoice font{};
  std::string missing = "draw";
  int threads = accrete::ThreadPool::hardware_threads();
  bool json = false;
  bool quiet = false;

  void add_font(options::options_description& to);
  void add_output(options::options_description& to);

  [[nodiscard]] accrete::MissingGlyph missing_glyph() const {
    if (missing == "draw") return accrete::MissingGlyph::draw;
    if (missing == "refuse") return accrete::MissingGlyph::refuse;
    throw options::error("--missing: expected draw or refuse, got " + missing);
  }
  /// Throws options::error for numbers that make no sense.
  void check() const;
};

inline void Settings::add_font(options::options_description& to) {
  auto add = to.add_options();
  add("font", path_value(font.path)->default_value(font.path.string()),
      "TrueType, OpenType, or Unifont's .hex");
  add("marks", path_value(font.marks), "of a .hex font: its list of combining marks");
  add("face", options::value(&font.face)->default_value(0), "which font of a collection");
  add("hinted", options::bool_switch(&font.hinted), "FreeType's default flags, as published");
  add("missing", options::value(&missing)->default_value(missing),
      "glyphs that the font lacks: draw, refuse");
  add("sandbox", options::bool_switch(&font.sandboxed),
      "open and draw the font in a child process");
  add("sandbox-seconds", options::value(&font.limits.seconds)->default_value(font.limits.seconds),
      "its limit for one glyph");
  add("sandbox-memory", options::value(&font.limits.memory)->default_value(font.limits.memory),
      "its limit in MiB");
  add("threads", options::value(&threads)->default_value(threads), "threads");
}

inline void Settings::add_output(options::options_description& to) {
  auto add = to.add_options();
  add("json", options::bool_switch(&json), "print one JSON object");
  add("quiet", options::bool_switch(&quiet), "no progress");
  add("help", "this text");
}

inline void Settings::check() const {
  static_cast<void>(missing_glyph());
  if (threads < 1 || threads > accrete::ThreadPool::max_threads)
    throw options::error(accrete::message("--threads: expected 1 to ",
                                          accrete::ThreadPool::max_threads, ", got ", threads));
  if (!(font.limits.seconds > 0 && font.limits.seconds <= 86400))
    throw options::error("--sandbox-seconds: expected more than 0 and at most 86400");
  if (font.limits.memory < 1 || font.limits.memory > (1 << 20))
    throw options::error("--sandbox-memory: expected 1 to 1048576 MiB");
}

/// Reads `words` into the variables of `visible`, and words without a dash into `positions`, whose names
/// `usage` shows in order. Returns false after --help, which is printed.
[[nodiscard]] inline bool parse(Words const& words, std::string const& usage,
                                options::options_description const& visible,
                                options::options_description const& hidden = {},
                                options::positional_options_description const& positions = {}) {
  options::options_description all;
  all.add(visible).add(hidden);
  options::variables_map values;
  options::store(options::command_line_parser(words).options(all).positional(positions).run(),
                 values);
  if (values.count("help") != 0) {
    std::cout << usage << "\n\n" << visible;
    return false;
  }
  options::notify(values);
  return true;
}

/// A line of progress for each stage of a build.
class StageProgress {
 public:
  explicit StageProgress(bool quiet) : quiet_(quiet) {}

  [[nodiscard]] std::function<void(std::string_view, Index, Index)> callback() {
    return [this](std::string_view stage, Index done, Index total) { update(stage, done, total); };
  }
  void finish() {
    if (progress_) progress_->finish();
    progress_.reset();
  }

 private:
  void update(std::string_view stage, Index done, Index total) {
    if (quiet_) return;
    if (stage != stage_) {
      finish();
      stage_ = stage;
      progress_ = std::make_unique<accrete::Progress>(
          accrete::ProgressOptions{.label = stage_, .unit = "rows", .total = total});
    }
    progress_->update(done);
  }

  bool quiet_;
  std::string stage_;
  std::unique_ptr<accrete::Progress> progress_;
};

/// Prints text to standard output. FileError where it cannot be written.
inline void print(std::string const& text) {
  std::cout.write(text.data(), static_cast<std::streamsize>(text.size()));
  std::cout.flush();
  if (!std::cout) throw accrete::FileError("standard output", "cannot be written");
}

[[nodiscard]] inline Json describe(SlowestGlyph const& slowest) {
  return Json::object({{"code_point", static_cast<std::int64_t>(slowest.code_point())},
                       {"seconds", slowest.seconds()}});
}

}  // namespace substrate_program
