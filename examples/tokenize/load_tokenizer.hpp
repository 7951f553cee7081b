/// A tokenizer by the name that a user gives.
#pragma once

#include <accrete/accrete.hpp>
#include <accrete/text/published_vocabulary.hpp>
#include <accrete/text/tokenizer_json.hpp>
#include <accrete/text/vocabulary_json.hpp>
#include <filesystem>
#include <string>
#include <string_view>

/// bvv241-2-3 or bvv241-max from the lists in `ngrams`; else a file: a substrate (.safetensors), a vocabulary of accrete,
/// or a tokenizer.json.
[[nodiscard]] inline accrete::Tokenizer load_tokenizer(std::string const& name,
                                                       std::filesystem::path const& ngrams) {
  using namespace accrete;
  if (name == "bvv241-2-3") return Tokenizer(build_bvv241_2_3(ngrams / "n-gramms-2-3.txt"));
  if (name == "bvv241-max") {
    return Tokenizer(
        build_bvv241_max(ngrams / "n-gramms-2-3-4-5.txt", ngrams / "n-gramms-intersection.txt"));
  }
  std::filesystem::path const path = name;
  if (path.extension() == ".safetensors") return Tokenizer(Substrate::load(path).vocabulary());
  std::string const text = read_file(path, std::uint64_t{256} << 20);
  if (std::string_view(text).substr(0, 256).find("accrete-vocabulary") == std::string_view::npos)
    return parse_tokenizer_json(text, path.string());
  try {
    return Tokenizer(vocabulary_from_json(Json::parse(text, path.string())));
  } catch (ValueError const& error) {
    throw FileError(path.string(), error.what());
  }
}
