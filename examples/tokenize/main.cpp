// Text to tokens and back, and vocabularies: encode, decode, count, convert, train, shard.
#include <time.h>

#include <accrete/accrete.hpp>
#include <accrete/report/progress.hpp>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "lines.hpp"
#include "load_tokenizer.hpp"
#include "settings.hpp"
#include "shard.hpp"
#include "train.hpp"

namespace {

using accrete::Index;
using accrete::Json;
using accrete::SpecialTokens;
using accrete::TokenId;

void write_out(std::string const& text) {
  std::cout.write(text.data(), static_cast<std::streamsize>(text.size()));
  if (!std::cout) throw accrete::FileError("standard output", "cannot write");
}

std::string ids_as_text(std::vector<TokenId> const& ids, bool as_json) {
  std::string text = as_json ? "[" : "";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) text += as_json ? ", " : " ";
    text += std::to_string(ids[i]);
  }
  return text + (as_json ? "]\n" : "\n");
}

/// Calls work(line) for the lines of all files over threads and prints what it gives in their order.
template <class Work>
void for_each_line(Settings const& settings, char const* label, Work const& work) {
  accrete::ThreadPool pool(settings.threads);
  accrete::Progress progress({.label = label, .unit = "bytes"});
  for (std::string const& file : settings.files) {
    LineReader reader(file);
    for (;;) {
      std::vector<Line> const lines = reader.next_group();
      if (lines.empty()) break;
      std::vector<std::string> results(lines.size());
      pool.parallel_for(static_cast<Index>(lines.size()), [&](Index i) {
        auto const place = static_cast<std::size_t>(i);
        results[place] = work(lines[place], reader.name());
      });
      for (std::string const& result : results) write_out(result);
      if (!settings.quiet) progress.update(static_cast<Index>(reader.offset()));
    }
  }
  std::cout.flush();
}

void encode(Settings const& settings) {
  accrete::Tokenizer const tokenizer = load_tokenizer(settings.vocabulary, settings.ngrams);
  auto const special = settings.plain ? SpecialTokens::as_text : SpecialTokens::as_tokens;
  for_each_line(settings, "encode", [&](Line const& line, std::string const& source) {
    accrete::JsonReader json(line.text, source, accrete::JsonReader::default_max_depth,
                             line.offset);
    std::string const text = json.read_string();
    json.end_of_text();
    std::vector<TokenId> ids;
    try {
      ids = tokenizer.encode(text, special, source);
    } catch (accrete::ValueError const& error) {
      throw accrete::FileError(source, line.offset, error.what());
    }
    if (settings.marks) {
      auto const& rules = tokenizer.rules();
      ids.insert(ids.begin(), rules.before.begin(), rules.before.end());
      ids.insert(ids.end(), rules.behind.begin(), rules.behind.end());
    }
    return ids_as_text(ids, settings.json);
  });
}

/// "1 2 3" or [1, 2, 3]
std::vector<TokenId> read_ids(Line const& line, std::string const& source) {
  std::string text = line.text;
  std::uint64_t first_offset = line.offset;
  if (text.find('[') == text.npos) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      bool const is_between = text[i] == ' ' && i > 0 && text[i - 1] != ' ' &&
                              i + 1 < text.size() && text[i + 1] != ' ';
      if (is_between) text[i] = ',';
    }
    text = "[" + text + "]";
    first_offset -= line.offset > 0 ? 1 : 0;
  }
  std::vector<TokenId> ids;
  accrete::JsonReader json(text, source, accrete::JsonReader::default_max_depth, first_offset);
  json.begin_array();
  while (json.next_element()) ids.push_back(json.read_integer<TokenId>());
  json.end_of_text();
  return ids;
}

void decode(Settings const& settings) {
  accrete::Tokenizer const tokenizer = load_tokenizer(settings.vocabulary, settings.ngrams);
  for_each_line(settings, "decode", [&](Line const& line, std::string const& source) {
    std::vector<TokenId> const ids = read_ids(line, source);
    try {
      return Json(tokenizer.decode(ids)).dump() + "\n";
    } catch (accrete::ValueError const& error) {
      throw accrete::FileError(source, line.offset, error.what());
    }
  });
}

/// What the calling thread has taken of a processor.
double thread_cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Counts {
  std::size_t bytes = 0, code_points = 0, tokens = 0;
  double seconds = 0, cpu_seconds = 0;

  [[nodiscard]] Json json(std::string const& file) const {
    return Json::object({{"file", file},
                         {"bytes", bytes},
                         {"code_points", code_points},
                         {"tokens", tokens},
                         {"seconds", seconds},
                         {"cpu_seconds", cpu_seconds}});
  }
};

/// Each file is one text.
void count(Settings const& settings) {
  accrete::Tokenizer const tokenizer = load_tokenizer(settings.vocabulary, settings.ngrams);
  std::vector<Counts> counts(settings.files.size());
  accrete::ThreadPool pool(settings.threads);
  pool.parallel_for(static_cast<Index>(counts.size()), [&](Index i) {
    auto const place = static_cast<std::size_t>(i);
    std::string const& file = settings.files[place];
    std::string const text = accrete::read_file(file, std::uint64_t{1} << 40);
    auto const start = std::chrono::steady_clock::now();
    double const cpu_start = thread_cpu_seconds();
    std::size_t const tokens =
        tokenizer
            .encode(text, settings.plain ? SpecialTokens::as_text : SpecialTokens::as_tokens, file)
            .size();
    double const cpu_time = thread_cpu_seconds() - cpu_start;
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - start;
    counts[place] = {text.size(), accrete::count_code_points(text, file), tokens, time.count(),
                     cpu_time};
  });
  if (!settings.json)
    std::printf("%14s %14s %14s %9s  file\n", "tokens", "code points", "bytes", "MB/s");
  for (std::size_t i = 0; i < counts.size(); ++i) {
    Counts const& row = counts[i];
    if (settings.json) {
      write_out(row.json(settings.files[i]).dump() + "\n");
    } else {
      std::printf("%14zu %14zu %14zu %9.1f  %s\n", row.tokens, row.code_points, row.bytes,
                  static_cast<double>(row.bytes) / row.seconds / 1e6, settings.files[i].c_str());
    }
  }
}

void convert(Settings const& settings) {
  accrete::Tokenizer const tokenizer = load_tokenizer(settings.vocabulary, settings.ngrams);
  accrete::write_tokenizer_json(tokenizer, settings.output);
}

}  // namespace

int main(int argument_count, char** arguments) {
  std::ios::sync_with_stdio(false);
  try {
    Settings const settings = read_settings(argument_count, arguments);
    if (settings.command == "encode") encode(settings);
    if (settings.command == "decode") decode(settings);
    if (settings.command == "count") count(settings);
    if (settings.command == "convert") convert(settings);
    if (settings.command == "train") train(settings);
    if (settings.command == "shard") write_shard(settings);
    return 0;
  } catch (boost::program_options::error const& error) {
    std::fprintf(stderr, "accrete-tokenize: %s; see --help\n", error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-tokenize: %s\n", error.what());
    return 1;
  }
}
