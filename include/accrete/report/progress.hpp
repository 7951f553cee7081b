/// One line that says how far a long job is, how fast it goes, and how long it still takes.
///
///     train en-ru  42 % [########------------]  12.3 k tokens/s  3 min 05 s left  loss 3.21
///
/// On a terminal the line rewrites itself; elsewhere, as in a log file, a plain line comes every ten seconds.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <iostream>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/report/duration.hpp>

ACCRETE_BEGIN_NAMESPACE

struct ProgressOptions {
  std::string label{};          ///< what is being done: "train en-ru"
  std::string unit = "tokens";  ///< what is counted
  Index total = 0;              ///< how many units the whole job has; 0 if nobody knows
  Index already_done =
      0;  ///< units of an earlier run that this one continues; they do not count as speed
  std::ostream* stream = &std::cerr;
  std::optional<bool>
      terminal{};  ///< whether the line may rewrite itself; asked of stderr unless given
  std::function<double()>
      clock{};  ///< seconds since any fixed moment; the steady clock unless given
  double seconds_between_lines = 10;       ///< when it is no terminal
  double seconds_between_updates = 0.125;  ///< when it is one
};

/// Not for several threads at once. Writing never throws: a closed stderr does not stop a training.
class Progress {
 public:
  /// ValueError if total or already_done is negative.
  explicit Progress(ProgressOptions options);
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;
  /// Leaves the cursor on a fresh line.
  ~Progress();

  /// `done` units of the whole are done; `note` is written at the line's end. Cheap: it mostly compares two times.
  void update(Index done, std::string_view note = {});
  /// Writes the last line, with the whole time and the mean rate. Later calls do nothing.
  void finish(std::string_view note = {});

  /// Units per second over about the last half minute; 0 before two updates came.
  [[nodiscard]] double rate() const;
  /// Estimated from `rate()`; empty while nobody can know.
  [[nodiscard]] std::optional<double> seconds_left() const;

 private:
  struct Sample {
    double time;
    Index done;
  };
  static constexpr double window_seconds = 30;

  void sample(double now, Index done);
  [[nodiscard]] std::string line(std::string_view note) const;
  void show(std::string text);

  ProgressOptions options_;
  std::deque<Sample> samples_;  // about one per second of the window
  double start_;
  double last_shown_;
  Index done_;
  bool line_is_open_ = false;
  bool finished_ = false;
};

namespace detail {

/// The first `columns` characters of UTF-8 text.
[[nodiscard]] inline std::string_view first_characters(std::string_view text, std::size_t columns) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (columns-- == 0) return text.substr(0, i);
  }
  return text;
}

[[nodiscard]] inline std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace detail

inline Progress::Progress(ProgressOptions options)
    : options_(std::move(options)), done_(options_.already_done) {
  if (options_.total < 0 || options_.already_done < 0) {
    throw ValueError(message("progress: negative total ", options_.total, " or already_done ",
                             options_.already_done));
  }
  if (!options_.clock) {
    options_.clock = [] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
          .count();
    };
  }
  if (!options_.terminal)
    options_.terminal = options_.stream == &std::cerr && isatty(STDERR_FILENO) == 1;
  start_ = options_.clock();
  last_shown_ = *options_.terminal ? -std::numeric_limits<double>::infinity() : start_;
  samples_.push_back({start_, done_});
}

inline Progress::~Progress() {
  if (line_is_open_) *options_.stream << '\n' << std::flush;
}

inline void Progress::update(Index done, std::string_view note) {
  if (finished_) return;
  double const now = options_.clock();
  sample(now, done);
  double const pause =
      *options_.terminal ? options_.seconds_between_updates : options_.seconds_between_lines;
  if (now - last_shown_ < pause) return;
  last_shown_ = now;
  show(line(note));
}

inline void Progress::sample(double now, Index done) {
  done_ = done;
  // The newest sample moves with the job; it is left behind, and a new one begins, once a second.
  if (samples_.size() > 1 && now - samples_[samples_.size() - 2].time < 1) {
    samples_.back() = {now, done};
  } else {
    samples_.push_back({now, done});
  }
  while (samples_.size() > 2 && now - samples_[1].time > window_seconds) samples_.pop_front();
}

inline double Progress::rate() const {
  double const seconds = samples_.back().time - samples_.front().time;
  return seconds > 0 ? static_cast<double>(samples_.back().done - samples_.front().done) / seconds
                     : 0;
}

inline std::optional<double> Progress::seconds_left() const {
  double const units_per_second = rate();
  if (options_.total == 0 || units_per_second <= 0) return std::nullopt;
  return static_cast<double>(std::max<Index>(options_.total - done_, 0)) / units_per_second;
}

inline std::string Progress::line(std::string_view note) const {
  std::string text = options_.label;
  if (options_.total > 0) {
    double const share =
        std::clamp(static_cast<double>(done_) / static_cast<double>(options_.total), 0.0, 1.0);
    std::string const percent =
        std::to_string(static_cast<int>(share * 100));  // 100 % only when all is done
    text += ' ' + std::string(3 - percent.size(), ' ') + percent + " %";
    constexpr std::size_t cells = 20;
    auto const filled = static_cast<std::size_t>(share * cells);
    text += " [" + std::string(filled, '#') + std::string(cells - filled, '-') + ']';
  } else {
    text += "  " + std::to_string(done_) + ' ' + options_.unit;
  }
  if (rate() > 0) text += "  " + rate_text(rate()) + ' ' + options_.unit + "/s";
  if (auto const left = seconds_left()) text += "  " + duration_text(*left) + " left";
  if (!note.empty()) text += "  " + std::string(note);
  return text;
}

inline void Progress::show(std::string text) {
  if (*options_.terminal) {
    *options_.stream << '\r' << detail::first_characters(text, detail::terminal_columns() - 1)
                     << "\x1b[K" << std::flush;
    line_is_open_ = true;
  } else {
    *options_.stream << text << '\n' << std::flush;
  }
}

inline void Progress::finish(std::string_view note) {
  if (finished_) return;
  finished_ = true;
  double const seconds = options_.clock() - start_;
  Index const units = done_ - options_.already_done;
  std::string text = options_.label + "  " + std::to_string(units) + ' ' + options_.unit + " in " +
                     duration_text(seconds);
  if (seconds > 0)
    text += "  " + rate_text(static_cast<double>(units) / seconds) + ' ' + options_.unit + "/s";
  if (!note.empty()) text += "  " + std::string(note);
  show(std::move(text));
  if (line_is_open_) *options_.stream << '\n' << std::flush;
  line_is_open_ = false;
}

ACCRETE_END_NAMESPACE
