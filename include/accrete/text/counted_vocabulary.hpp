/// Builds a vocabulary from the n-grams of files that may be larger than memory.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/text/ngram.hpp>
#include <accrete/text/ngram_choice.hpp>
#include <accrete/text/ngram_counter.hpp>
#include <accrete/text/utf8.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Files of one kind, say of one language. Each kind counts as if all had the same number of code
/// points, times its weight. No n-gram reaches over the end of a file.
struct TextFiles {
  std::vector<std::filesystem::path> files;
  double weight = 1;
};

struct CountedVocabularyOptions {
  Index size = 8192;    // V
  Index max_n = 5;      // code points of the longest token, at most 5
  Index min_count = 2;  // places in which an n-gram stands at least
  std::vector<std::string> special_tokens = {"<pad>", "<s>", "</s>", "<unk>"};
  std::uint64_t memory = std::uint64_t{1} << 30;  // bytes for counts; what is more goes to files
  std::filesystem::path scratch{};                // where these files are; "": the system's folder
  int threads = ThreadPool::hardware_threads();
  /// Called now and then, by one thread at a time, with bytes read of all to be read.
  std::function<void(std::uint64_t done, std::uint64_t total)> on_progress{};
};

/// A vocabulary of exactly V tokens: the special ones, 256 bytes, code points, n-grams, and
/// `<unused_N>` (N the id) for what the texts cannot fill.
///
/// The code points are all those that stand in at least `min_count` places, but at most half of the
/// places that special tokens and bytes leave: ASCII first, then those that save most bytes. An
/// n-gram is worth the code points that it joins: its count times n - 1. The most valuable are
/// taken of those that two tokens chosen before spell. As in the published vocabularies, every split
/// of an n-gram into two tokens is a merge, the longest n-grams first, then in the order of code
/// points, the shorter left part first.
///
/// The result depends on the texts alone: not on memory, threads or the order of files.
///
/// FileError(path, offset, reason) at invalid UTF-8; ValueError for options that make no sense and
/// for texts without a single character.
[[nodiscard]] Vocabulary build_counted_vocabulary(std::span<TextFiles const> texts,
                                                  CountedVocabularyOptions const& options = {});

// -------------------------------------------------------------------------------------------------

namespace detail {

inline void check_counted_options(CountedVocabularyOptions const& options) {
  auto const check = [](std::string_view name, auto value, auto least, auto most) {
    if (value < least || value > most) {
      throw ValueError(
          message("vocabulary: ", name, ": expected ", least, " to ", most, ", got ", value));
    }
  };
  check("size", options.size, Index{1}, Index{1} << 24);
  check("max_n", options.max_n, Index{1}, static_cast<Index>(Ngram::max_length));
  check("min_count", options.min_count, Index{1}, Index{1} << 31);
  check("memory", options.memory, std::uint64_t{16} << 20, std::uint64_t{1} << 50);
}

/// How often each code point stands.
using CodePointCounts = std::vector<std::uint64_t>;

inline CodePointCounts count_file_code_points(std::filesystem::path const& path, ThreadPool& pool,
                                              std::function<void()> const& on_block) {
  File const file = File::open_for_reading(path);
  std::uint64_t const blocks = (file.size() + TextBlock::size - 1) / TextBlock::size;
  Lender<CodePointCounts> lender;
  std::mutex mutex;
  pool.parallel_for(static_cast<Index>(blocks), [&](Index number) {
    TextBlock const block(file, static_cast<std::uint64_t>(number));
    lender.with([] { return CodePointCounts(max_code_point + 1); },
                [&](CodePointCounts& counts) {
                  for (char32_t const c : block.code_points().substr(0, block.starts()))
                    ++counts[c];
                });
    std::lock_guard const lock(mutex);
    on_block();
  });
  CodePointCounts sum(max_code_point + 1);
  for (auto const& counts : lender.all())
    for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += (*counts)[c];
  return sum;
}

}  // namespace detail

inline Vocabulary build_counted_vocabulary(std::span<TextFiles const> texts,
                                           CountedVocabularyOptions const& options) {
  using namespace detail;
  check_counted_options(options);
  ThreadPool pool(options.threads);
  std::filesystem::path const scratch =
      options.scratch.empty() ? std::filesystem::temp_directory_path() : options.scratch;

  std::uint64_t total = 0, done = 0;  // each byte is read twice
  double total_weight = 0;
  for (TextFiles const& text : texts) {
    for (auto const& file : text.files) total += 2 * File::open_for_reading(file).size();
    if (!std::isfinite(text.weight) || text.weight <= 0)
      throw ValueError(message("vocabulary: expected a weight above 0, got ", text.weight));
    total_weight += text.weight;
  }
  auto const on_block = [&] {
    done = std::min(done + TextBlock::size, total);
    if (options.on_progress) options.on_progress(done, total);
  };

  // What a place counts: the kinds share 2^50.
  std::vector<std::uint64_t> weights;
  CodePointCounts value(max_code_point + 1), places(max_code_point + 1);
  for (TextFiles const& text : texts) {
    CodePointCounts sum(max_code_point + 1);
    for (auto const& file : text.files) {
      CodePointCounts const counts = count_file_code_points(file, pool, on_block);
      for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += counts[c];
    }
    std::uint64_t length = 0;
    for (std::uint64_t const count : sum) length += count;
    double const share = 0x1p50 * (text.weight / total_weight) /
                         static_cast<double>(std::max<std::uint64_t>(length, 1));
    weights.push_back(std::max<std::uint64_t>(1, static_cast<std::uint64_t>(share)));
    for (std::size_t c = 0; c < sum.size(); ++c) {
      value[c] += sum[c] * weights.back();
      places[c] += sum[c];
    }
  }

  NgramChoice choice(options.size, options.special_tokens,
                     static_cast<std::uint64_t>(options.min_count));
  choice.choose_code_points(value, places);
  if (options.max_n > 1) {
    NgramCounter counter(static_cast<std::size_t>(options.max_n), options.memory, scratch, pool);
    for (std::size_t i = 0; i < texts.size(); ++i)
      for (auto const& file : texts[i].files) counter.add_file(file, weights[i], on_block);
    counter.finish([&](NgramCount const& count) { choice.offer(count); });
  }
  return choice.vocabulary();
}

ACCRETE_END_NAMESPACE
