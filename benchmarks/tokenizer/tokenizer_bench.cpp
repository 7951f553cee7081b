// Measures a tokenizer: encoding as one text and in batches over threads, decoding, and text that cannot be cut.
#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "../../examples/tokenize/load_tokenizer.hpp"
#include "../machine.hpp"

namespace {

using accrete::TokenId;
namespace options = boost::program_options;

/// Seconds of the fastest of several runs.
double seconds_of(int repeats, std::function<void()> const& work) {
  double best = 1e300;
  for (int i = 0; i < repeats; ++i) {
    auto const start = std::chrono::steady_clock::now();
    work();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

void report(char const* what, std::size_t bytes, double seconds) {
  std::printf("  %-28s %9.2f MB/s\n", what, static_cast<double>(bytes) / seconds / 1e6);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size() - 1) + 1;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

void measure_file(accrete::Tokenizer const& tokenizer, std::string const& file, int threads,
                  int repeats) {
  std::string const text = accrete::read_file(file, std::uint64_t{1} << 32);
  std::vector<TokenId> ids;
  std::printf("%s, %zu bytes\n", file.c_str(), text.size());
  double const one_text =
      seconds_of(repeats, [&] { ids = tokenizer.encode(text, accrete::SpecialTokens::as_text); });
  report("one text, one thread", text.size(), one_text);
  std::vector<std::string> const lines = lines_of(text);
  accrete::ThreadPool pool(threads);
  double const batch = seconds_of(
      repeats, [&] { (void)tokenizer.encode_batch(lines, pool, accrete::SpecialTokens::as_text); });
  report(accrete::message("lines, ", threads, " threads").c_str(), text.size(), batch);
  report("decoding", text.size(), seconds_of(repeats, [&] { (void)tokenizer.decode(ids); }));
  std::printf("  %-28s %9zu\n", "tokens", ids.size());
}

/// "a", "aa", "aaaa", ... up to 1024 and their merges.
accrete::Tokenizer powers_of_a() {
  std::vector<accrete::Token> tokens = {{"a"}};
  std::vector<accrete::TokenPair> merges;
  for (std::size_t length = 2; length <= 1024; length *= 2) {
    auto const half = static_cast<TokenId>(tokens.size() - 1);
    tokens.push_back({std::string(length, 'a')});
    merges.push_back({half, half});
  }
  return accrete::Tokenizer(accrete::Vocabulary(tokens, merges));
}

void measure_uncuttable(int repeats) {
  accrete::Tokenizer const tokenizer = powers_of_a();
  std::printf("text that cannot be cut\n");
  for (std::size_t length = std::size_t{1} << 18; length <= std::size_t{1} << 24; length <<= 2) {
    std::string const text(length, 'a');
    report(accrete::message(length, " characters").c_str(), length,
           seconds_of(repeats, [&] { (void)tokenizer.encode(text); }));
  }
}

int run(int argument_count, char** arguments) {
  std::string vocabulary;
  std::filesystem::path ngrams;
  std::vector<std::string> files;
  int threads = 0, repeats = 0;
  options::options_description description("accrete-bench-tokenizer --vocabulary NAME FILE...");
  auto add = description.add_options();
  add("help", "this text");
  add("vocabulary", options::value(&vocabulary)->required(), "as for accrete-tokenize");
  add("ngrams", options::value(&ngrams), "folder of the published n-gram lists");
  add("threads", options::value(&threads)->default_value(2), "of batches");
  add("repeats", options::value(&repeats)->default_value(3), "the fastest counts");
  add("file", options::value(&files), "UTF-8 text");
  options::positional_options_description positions;
  positions.add("file", -1);
  options::variables_map values;
  options::store(options::command_line_parser(argument_count, arguments)
                     .options(description)
                     .positional(positions)
                     .run(),
                 values);
  if (values.count("help") != 0) {
    std::cout << description;
    return 0;
  }
  options::notify(values);
  std::printf("%s, %s\n", accrete::processor_name().c_str(), vocabulary.c_str());
  accrete::Tokenizer const tokenizer = load_tokenizer(vocabulary, ngrams);
  for (std::string const& file : files) measure_file(tokenizer, file, threads, repeats);
  measure_uncuttable(repeats);
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
  try {
    return run(argument_count, arguments);
  } catch (options::error const& error) {
    std::fprintf(stderr, "accrete-bench-tokenizer: %s; see --help\n", error.what());
    return 2;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-bench-tokenizer: %s\n", error.what());
    return 1;
  }
}
