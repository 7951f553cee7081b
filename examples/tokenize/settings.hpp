/// What the user asked accrete-tokenize for.
#pragma once

#include <accrete/accrete.hpp>
#include <boost/program_options.hpp>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

struct Settings {
  std::string command, vocabulary;
  std::vector<std::string> files;
  std::filesystem::path ngrams, output, scratch;
  bool plain = false, marks = false, json = false, quiet = false;
  int threads = 1;
  accrete::Index size = 0, max_n = 0, min_count = 0;
  std::uint64_t memory = 0;
};

/// 64M, 1G, 500000
[[nodiscard]] inline std::uint64_t parse_bytes(std::string const& text) {
  std::size_t end = 0;
  std::uint64_t number = 0;
  try {
    if (text.empty() || text[0] < '0' || text[0] > '9') throw std::invalid_argument(text);
    number = std::stoull(text, &end);
  } catch (std::exception const&) {
    throw boost::program_options::error("--memory: expected a size such as 64M or 1G, got " + text);
  }
  std::string const unit = text.substr(end);
  int const shift = unit.empty() ? 0 : unit == "K" ? 10 : unit == "M" ? 20 : unit == "G" ? 30 : -1;
  if (shift < 0 || number > (std::uint64_t{1} << 40 >> shift))
    throw boost::program_options::error("--memory: expected a size such as 64M or 1G, got " + text);
  return number << shift;
}

/// Prints the help and ends the program if that is asked for; boost::program_options::error for what makes no sense.
[[nodiscard]] inline Settings read_settings(int argument_count, char** arguments) {
  namespace options = boost::program_options;
  Settings settings;
  std::string memory;
  options::options_description description(
      "accrete-tokenize encode|decode|count|convert|train|shard [options] [FILE...]\n\n"
      "encode   reads one JSON string a line and prints its ids, separated by spaces\n"
      "decode   reads ids a line and prints their text as a JSON string\n"
      "count    counts the tokens of text files, each of which is one text\n"
      "convert  writes a vocabulary as tokenizer.json\n"
      "train    builds a vocabulary from the n-grams of text files, which may be larger than "
      "memory\n"
      "shard    writes the tokens of text files, one document each, as a token shard to train "
      "on\n\n"
      "FILE is the standard input for encode and decode if none is named. Options");
  auto add = description.add_options();
  add("help", "this text");
  add("vocabulary", options::value(&settings.vocabulary),
      "bvv241-2-3, bvv241-max, or a file: a vocabulary, a substrate (.safetensors), a "
      "tokenizer.json");
  add("ngrams", options::value(&settings.ngrams), "folder of the published n-gram lists");
  add("plain", options::bool_switch(&settings.plain), "special tokens in a text are text");
  add("marks", options::bool_switch(&settings.marks),
      "encode: put the tokenizer's marks around each text");
  add("json", options::bool_switch(&settings.json),
      "encode: arrays of ids; count, train, shard: objects");
  add("quiet", options::bool_switch(&settings.quiet), "no progress");
  add("threads",
      options::value(&settings.threads)->default_value(accrete::ThreadPool::hardware_threads()),
      "threads");
  add("size", options::value(&settings.size)->default_value(8192), "train: tokens");
  add("max-n", options::value(&settings.max_n)->default_value(5),
      "train: code points of the longest token, up to 5");
  add("min-count", options::value(&settings.min_count)->default_value(2),
      "train: places in which an n-gram stands at least");
  add("memory", options::value(&memory)->default_value("1G"),
      "train: for counts; more of them go to temporary files");
  add("scratch", options::value(&settings.scratch), "train: folder for these files");
  add("out", options::value(&settings.output), "convert, train, shard: the file to write");
  options::options_description all;
  all.add(description);
  all.add_options()("command", options::value(&settings.command))("file",
                                                                  options::value(&settings.files));
  options::positional_options_description positions;
  positions.add("command", 1).add("file", -1);
  options::variables_map values;
  options::store(options::command_line_parser(argument_count, arguments)
                     .options(all)
                     .positional(positions)
                     .run(),
                 values);
  options::notify(values);
  if (values.count("help") != 0) {
    std::cout << description;
    std::exit(0);
  }
  std::string const& command = settings.command;
  if (command != "encode" && command != "decode" && command != "count" && command != "convert" &&
      command != "train" && command != "shard")
    throw options::error(command.empty() ? "a command is missing" : "unknown command " + command);
  if (command != "train" && settings.vocabulary.empty())
    throw options::error(command + " needs --vocabulary");
  if ((settings.vocabulary == "bvv241-2-3" || settings.vocabulary == "bvv241-max") &&
      settings.ngrams.empty())
    throw options::error(settings.vocabulary + " needs --ngrams, the folder of its n-gram lists");
  if ((command == "train" || command == "convert" || command == "shard") && settings.output.empty())
    throw options::error(command + " needs --out");
  if ((command == "train" || command == "count" || command == "shard") && settings.files.empty())
    throw options::error(command + " needs files");
  if (command == "convert" && !settings.files.empty())
    throw options::error("convert takes no files");
  if (settings.threads < 1 || settings.threads > accrete::ThreadPool::max_threads)
    throw options::error("--threads: expected 1 to 1024");
  settings.memory = parse_bytes(memory);
  if (settings.files.empty()) settings.files.push_back("-");
  return settings;
}
