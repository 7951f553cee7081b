/// Sorted counts that did not fit into memory, and the sum of all of them.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <queue>
#include <span>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/file.hpp>
#include <accrete/text/ngram.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// Counts in the order of their n-grams, from memory or from a file whose name is gone already, so
/// that nothing is left of it however the program ends.
class NgramRun {
 public:
  /// In memory, which must outlive the run.
  explicit NgramRun(std::span<NgramCount const> counts) : buffer_(counts) {}

  /// In a file that take() has written.
  NgramRun(File file, std::uint64_t size) : file_(std::move(file)), left_(size) {}

  /// How many counts a file's run keeps in memory while it is read.
  void set_buffer(std::size_t counts) { storage_.resize(counts); }

  [[nodiscard]] std::optional<NgramCount> next() {
    if (position_ == buffer_.size() && !refill()) return std::nullopt;
    return buffer_[position_++];
  }

 private:
  bool refill() {
    std::size_t const count = std::min<std::uint64_t>(storage_.size(), left_);
    if (count == 0) return false;
    std::span<NgramCount> const part = std::span(storage_).first(count);
    file_->read(offset_, std::as_writable_bytes(part));
    offset_ += part.size_bytes();
    left_ -= count;
    buffer_ = part;
    position_ = 0;
    return true;
  }

  std::optional<File> file_;
  std::uint64_t left_ = 0;    // counts that are still in the file
  std::uint64_t offset_ = 0;  // of the first of them
  std::vector<NgramCount> storage_;
  std::span<NgramCount const> buffer_;
  std::size_t position_ = 0;
};

/// Writes counts in their order to a file in `folder`.
class NgramRunWriter {
 public:
  explicit NgramRunWriter(std::filesystem::path const& folder) {
    static std::atomic<std::uint64_t> next_number = 0;
    constexpr int most_attempts = 1000;
    std::filesystem::path path;
    for (int attempt = 0; attempt < most_attempts && !out_; ++attempt) {
      path = folder / message(".accrete-", ::getpid(), "-", next_number++, ".run");
      out_ = File::create(path, path);
    }
    if (!out_) throw FileError(folder.string(), "cannot write: full of temporary files");
    in_ = File::open_for_reading(path);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }

  void write(NgramCount const& count) {
    buffer_.push_back(count);
    if (buffer_.size() == buffer_size) flush();
  }

  /// The run that was written.
  [[nodiscard]] NgramRun take() {
    flush();
    out_->close();
    return NgramRun(*std::move(in_), size_);
  }

 private:
  static constexpr std::size_t buffer_size = 1 << 13;

  void flush() {
    out_->write(size_ * sizeof(NgramCount), std::as_bytes(std::span(buffer_)));
    size_ += buffer_.size();
    buffer_.clear();
  }

  std::optional<File> out_, in_;
  std::uint64_t size_ = 0;  // counts in the file
  std::vector<NgramCount> buffer_;
};

/// Calls take(count) for the sum of the counts of each n-gram of all runs, in order.
template <class Take>
void merge_ngram_runs(std::span<NgramRun> runs, Take take) {
  struct Head {
    NgramCount count;
    std::size_t run;
  };
  auto const later = [](Head const& a, Head const& b) { return b.count.ngram < a.count.ngram; };
  std::priority_queue<Head, std::vector<Head>, decltype(later)> heads(later);
  auto const advance = [&](std::size_t run) {
    if (std::optional<NgramCount> const count = runs[run].next()) heads.push({*count, run});
  };
  for (std::size_t run = 0; run < runs.size(); ++run) advance(run);
  while (!heads.empty()) {
    NgramCount sum{.ngram = heads.top().count.ngram};
    while (!heads.empty() && heads.top().count.ngram == sum.ngram) {
      Head const head = heads.top();
      heads.pop();
      sum.weight += head.count.weight;
      sum.places += head.count.places;
      advance(head.run);
    }
    take(sum);
  }
}

}  // namespace detail

ACCRETE_END_NAMESPACE
