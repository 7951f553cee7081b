/// The algorithms that were chosen for products, kept in a file from run to run.
#pragma once

#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <accrete/backend/cuda/api.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/json.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace cuda {

/// A JSON object of one object per machine (card, driver, cuBLAS), which gives each product its algorithm: 8 words in
/// hexadecimal. What other machines wrote stays. Without a path, choices are remembered and not kept.
class AlgorithmChoices {
 public:
  AlgorithmChoices() = default;

  /// Throws FileError for a file that is there and holds something else.
  AlgorithmChoices(std::filesystem::path path, std::string machine);

  [[nodiscard]] std::optional<Algorithm> find(std::string const& product) const {
    auto const found = chosen_.find(product);
    return found == chosen_.end() ? std::nullopt : std::optional(found->second);
  }

  /// Remembers a choice and writes the file anew.
  void put(std::string const& product, Algorithm const& algorithm);

 private:
  static constexpr std::uint64_t most_bytes = 16 << 20;

  [[nodiscard]] static std::string text_of(Algorithm const& algorithm) {
    std::string text;
    for (std::uint64_t const word : algorithm.data) {
      char digits[17] = {};
      static_cast<void>(std::to_chars(digits, digits + 16, word, 16));
      text += std::string(16 - std::string_view(digits).size(), '0') + digits;
    }
    return text;
  }
  [[nodiscard]] static std::optional<Algorithm> parse(std::string_view text) {
    Algorithm algorithm;
    if (text.size() != 128) return std::nullopt;
    for (std::size_t i = 0; i < 8; ++i) {
      char const* const begin = text.data() + 16 * i;
      auto const [end, error] = std::from_chars(begin, begin + 16, algorithm.data[i], 16);
      if (error != std::errc() || end != begin + 16) return std::nullopt;
    }
    return algorithm;
  }

  std::filesystem::path path_;
  std::string machine_;
  Json file_ = Json::object();
  std::map<std::string, Algorithm> chosen_;
};

inline AlgorithmChoices::AlgorithmChoices(std::filesystem::path path, std::string machine)
    : path_(std::move(path)), machine_(std::move(machine)) {
  if (path_.empty() || !std::filesystem::exists(path_)) return;
  std::string const name = path_.string();
  file_ = Json::parse(read_file(path_, most_bytes), name);
  if (!file_.is_object()) throw FileError(name, "holds no choices of algorithms");
  Json const* const mine = file_.find(machine_);
  if (mine == nullptr) return;
  if (!mine->is_object()) throw FileError(name, "holds no choices of algorithms");
  for (auto const& [product, text] : mine->as_object()) {
    auto const algorithm = text.is_string() ? parse(text.as_string()) : std::nullopt;
    if (!algorithm) throw FileError(name, "the choice for " + product + " is damaged");
    chosen_.emplace(product, *algorithm);
  }
}

inline void AlgorithmChoices::put(std::string const& product, Algorithm const& algorithm) {
  chosen_[product] = algorithm;
  if (path_.empty()) return;
  if (!file_.contains(machine_)) file_[machine_] = Json::object();
  file_[machine_][product] = Json(text_of(algorithm));
  write_file_atomically(path_, file_.dump(1) + "\n");
}

}  // namespace cuda

ACCRETE_END_NAMESPACE
