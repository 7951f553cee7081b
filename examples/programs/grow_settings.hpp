/// What the user asked a growing program for.
#pragma once

#include <accrete/core/index.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/io/safetensors_hashes.hpp>
#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace grow_program {

struct Settings {
  std::string program{};  ///< its name
  std::filesystem::path plan{}, substrate{}, out{};
  std::vector<std::filesystem::path> tokens{}, validation{};
  bool count = false, json = false, quiet = false;
  int threads = 1;
  accrete::Verify verify = accrete::Verify::yes;  ///< the hashes of the checkpoint
  accrete::Index checkpoint_every = 200;
  accrete::Index keep_last = 0, keep_best = 1;  ///< 0 last ones: one file
  bool background = false;
  accrete::Index prefix_cache = 0;              ///< MiB; 0: none
  std::filesystem::path prefix_cache_folder{};  ///< empty: in memory

  /// The one file; where several are kept, their folder.
  [[nodiscard]] std::filesystem::path checkpoint() const { return out / "checkpoint.safetensors"; }
  [[nodiscard]] std::filesystem::path checkpoints() const { return out / "checkpoints"; }
};

/// Returns false after --help, which is printed; boost::program_options::error for what makes no sense.
[[nodiscard]] inline bool read_settings(int argument_count, char** arguments, Settings& settings) {
  namespace options = boost::program_options;
  // Strings: a std::filesystem::path on a command line could have no spaces.
  std::string plan, substrate, out, cache_folder;
  std::vector<std::string> tokens, validation;
  options::options_description description(
      settings.program + " --plan FILE --substrate FILE --tokens SHARD... --out FOLDER\n" +
      settings.program +
      " --plan FILE --count\n\n"
      "Grows a model as the plan says. The same command goes on after an interruption.\n\nOptions");
  auto add = description.add_options();
  add("help", "this text");
  add("plan", options::value(&plan)->required(), "what to grow, and how: a JSON file");
  add("substrate", options::value(&substrate), "what the model stands on");
  add("tokens", options::value(&tokens)->multitoken(), "token shards to train on");
  add("validation", options::value(&validation)->multitoken(), "token shards to validate with");
  add("out", options::value(&out), "folder for the checkpoint and the logs");
  add("count", options::bool_switch(&settings.count),
      "only print what each stage trains, and how many parameters that is");
  add("checkpoint-every",
      options::value(&settings.checkpoint_every)->default_value(settings.checkpoint_every),
      "steps between checkpoints");
  add("keep-last", options::value(&settings.keep_last)->default_value(settings.keep_last),
      "keep so many of the last checkpoints, in the folder checkpoints; 0 keeps one file");
  add("keep-best", options::value(&settings.keep_best)->default_value(settings.keep_best),
      "with --keep-last: also so many of those with the lowest validation loss");
  add("background", options::bool_switch(&settings.background),
      "with --keep-last: write checkpoints while training goes on; takes memory for one");
  add("no-verify", "go on from a checkpoint without comparing its hashes");
  add("prefix-cache", options::value(&settings.prefix_cache)->default_value(settings.prefix_cache),
      "MiB for what frozen blocks make of data that repeat");
  add("prefix-cache-folder", options::value(&cache_folder), "keep these in a file there");
  add("threads",
      options::value(&settings.threads)->default_value(accrete::ThreadPool::hardware_threads()),
      "threads");
  add("json", options::bool_switch(&settings.json), "print one JSON object");
  add("quiet", options::bool_switch(&settings.quiet), "no progress");
  options::variables_map values;
  options::store(options::command_line_parser(argument_count, arguments).options(description).run(),
                 values);
  if (values.count("help") != 0) {
    std::cout << description;
    return false;
  }
  options::notify(values);
  if (!settings.count)
    for (auto const& [name, missing] :
         {std::pair{"--substrate", substrate.empty()}, std::pair{"--tokens", tokens.empty()},
          std::pair{"--out", out.empty()}})
      if (missing) throw options::error(std::string(name) + " is missing");
  if (settings.threads < 1 || settings.threads > accrete::ThreadPool::max_threads)
    throw options::error("--threads: expected 1 to 1024");
  if (settings.checkpoint_every < 1) throw options::error("--checkpoint-every: expected 1 or more");
  if (settings.keep_last < 0 || settings.keep_best < 0)
    throw options::error("--keep-last, --keep-best: expected 0 or more");
  if (settings.background && settings.keep_last == 0)
    throw options::error("--background: give --keep-last, too");
  if (settings.prefix_cache < 0 || settings.prefix_cache > accrete::Index{1} << 30)
    throw options::error("--prefix-cache: expected 0 to 2^30 MiB");
  if (values.count("no-verify") != 0) settings.verify = accrete::Verify::no;
  settings.prefix_cache_folder = cache_folder;
  settings.plan = plan;
  settings.substrate = substrate;
  settings.out = out;
  settings.tokens.assign(tokens.begin(), tokens.end());
  settings.validation.assign(validation.begin(), validation.end());
  return true;
}

}  // namespace grow_program
