/// Counts the n-grams of files that may be larger than memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/io/file.hpp>
#include <accrete/text/ngram.hpp>
#include <accrete/text/ngram_runs.hpp>
#include <accrete/text/ngram_table.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

/// A block of a file, with what stands around it, as far as n-grams that start in it reach.
class TextBlock {
 public:
  static constexpr std::uint64_t size = std::uint64_t{1} << 20;

  /// Reads block `number`. FileError(path, offset, reason) at invalid UTF-8 in the block or right
  /// behind it; each byte of a file is in some block.
  TextBlock(File const& file, std::uint64_t number);

  [[nodiscard]] std::u32string_view code_points() const { return code_points_; }
  [[nodiscard]] std::size_t starts() const { return starts_; }  // code points that start in it

 private:
  static constexpr std::size_t reach = Ngram::max_length;  // code points behind the block

  std::u32string code_points_;
  std::size_t starts_ = 0;
};

inline TextBlock::TextBlock(File const& file, std::uint64_t number) {
  std::uint64_t const begin = number * size;
  std::string bytes(size + 4 * reach, '\0');
  bytes.resize(file.read_some(begin, std::as_writable_bytes(std::span(bytes))));
  std::size_t offset = 0;
  auto const is_continuation = [&](std::size_t i) {
    return (static_cast<std::uint8_t>(bytes[i]) & 0xC0) == 0x80;
  };
  // The block before has read the character that began there.
  while (number > 0 && offset < 3 && offset < bytes.size() && is_continuation(offset)) ++offset;
  while (offset < bytes.size() && (offset < size || code_points_.size() < starts_ + reach)) {
    Utf8Step const step = decode_code_point(bytes, offset);
    bool const is_cut = step.fault == Utf8Fault::truncated && bytes.size() > size;
    if (is_cut && begin + bytes.size() < file.size()) break;
    if (step.fault != Utf8Fault::none)
      throw FileError(file.path().string(), begin + offset, describe(step.fault));
    if (offset < size) ++starts_;
    code_points_ += step.code_point;
    offset += step.length;
  }
}

/// Lends things to tasks, one to each that runs at a time.
template <class T>
class Lender {
 public:
  /// Calls work(thing), with one that no one else has, made by make() if there is none.
  template <class Make, class Work>
  void with(Make make, Work work) {
    std::unique_ptr<T> thing;
    {
      std::lock_guard const lock(mutex_);
      if (!idle_.empty()) {
        thing = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (!thing) thing = std::make_unique<T>(make());
    work(*thing);
    std::lock_guard const lock(mutex_);
    idle_.push_back(std::move(thing));
  }

  /// All of them, when none is lent.
  [[nodiscard]] std::vector<std::unique_ptr<T>>& all() { return idle_; }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

/// Counts over all files added. The sums do not depend on memory, threads or order.
class NgramCounter {
 public:
  /// Counts take at most `memory` bytes; further ones go to files in `scratch`, sorted.
  NgramCounter(std::size_t max_n, std::uint64_t memory, std::filesystem::path scratch,
               ThreadPool& pool)
      : max_n_(max_n), memory_(memory), scratch_(std::move(scratch)), pool_(pool) {}

  /// Counts the n-grams of 2 to max_n code points of one file, each place as `weight`.
  /// on_block() follows each block.
  void add_file(std::filesystem::path const& path, std::uint64_t weight,
                std::function<void()> const& on_block);

  /// Calls take(NgramCount) for each n-gram, in order. To be called once, at the end.
  template <class Take>
  void finish(Take take);

  [[nodiscard]] std::size_t runs() const { return runs_.size(); }  // files written so far

 private:
  static constexpr std::size_t most_runs = 128;

  void count(TextBlock const& block, std::uint64_t weight, NgramTable& table);
  void spill(NgramTable& table);
  void reduce_runs();
  void set_buffers();

  std::size_t max_n_;
  std::uint64_t memory_;
  std::filesystem::path scratch_;
  ThreadPool& pool_;
  Lender<NgramTable> tables_;
  std::mutex mutex_;
  std::vector<NgramRun> runs_;
};

inline void NgramCounter::add_file(std::filesystem::path const& path, std::uint64_t weight,
                                   std::function<void()> const& on_block) {
  File const file = File::open_for_reading(path);
  std::uint64_t const blocks = (file.size() + TextBlock::size - 1) / TextBlock::size;
  std::uint64_t const memory = memory_ / static_cast<std::uint64_t>(pool_.threads());
  pool_.parallel_for(static_cast<Index>(blocks), [&](Index number) {
    TextBlock const block(file, static_cast<std::uint64_t>(number));
    tables_.with([&] { return NgramTable(memory); },
                 [&](NgramTable& table) { count(block, weight, table); });
    std::lock_guard const lock(mutex_);
    on_block();
  });
}

inline void NgramCounter::count(TextBlock const& block, std::uint64_t weight, NgramTable& table) {
  std::u32string_view const text = block.code_points();
  for (std::size_t begin = 0; begin < block.starts(); ++begin) {
    std::size_t const longest = std::min(max_n_, text.size() - begin);
    for (std::size_t n = 2; n <= longest; ++n) {
      if (table.is_full()) spill(table);
      table.add(Ngram(text.substr(begin, n)), weight);
    }
  }
}

inline void NgramCounter::spill(NgramTable& table) {
  NgramRunWriter writer(scratch_);
  for (NgramCount const& count : table.sorted()) writer.write(count);
  table.clear();
  std::lock_guard const lock(mutex_);
  runs_.push_back(writer.take());
  if (runs_.size() == most_runs) reduce_runs();
}

/// All runs become one, so that few files are open and each has a buffer that is worth reading.
inline void NgramCounter::reduce_runs() {
  set_buffers();
  NgramRunWriter writer(scratch_);
  merge_ngram_runs(std::span(runs_), [&](NgramCount const& count) { writer.write(count); });
  runs_.clear();
  runs_.push_back(writer.take());
}

inline void NgramCounter::set_buffers() {
  constexpr std::uint64_t least = 128, most = 1 << 15;  // counts: 4 KiB, 1 MiB
  for (NgramRun& run : runs_) {
    run.set_buffer(static_cast<std::size_t>(
        std::clamp(memory_ / 8 / runs_.size() / sizeof(NgramCount), least, most)));
  }
}

template <class Take>
void NgramCounter::finish(Take take) {
  if (!runs_.empty()) {
    for (auto const& table : tables_.all())
      if (!table->empty()) spill(*table);
    tables_.all().clear();
    set_buffers();
  } else {
    for (auto const& table : tables_.all()) runs_.emplace_back(table->sorted());
  }
  merge_ngram_runs(std::span(runs_), take);
}

}  // namespace detail

ACCRETE_END_NAMESPACE
