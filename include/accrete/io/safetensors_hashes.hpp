/// The SHA-256 of a safetensors file's header and of each of its tensors, kept in its own metadata.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/safetensors_header.hpp>
#include <accrete/io/sha256.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Whether what is read is compared with the hashes that were saved with it.
enum class Verify { no, yes };

/// The entry `accrete_sha256` of the metadata holds 64 hexadecimal digits for the header, and after a space each 64 for
/// every tensor in the order of their bytes. The header's are of the file's bytes up to the first tensor, with zeros in
/// the place of these 64 digits. They are found by accident or carelessness, not by malice: who changes a file can
/// change its hashes.
class SafetensorsHashes {
 public:
  static constexpr std::string_view metadata_key = "accrete_sha256";

  /// A value of the entry, of its final length, before anything is known.
  [[nodiscard]] static std::string placeholder(std::size_t tensors);

  /// Where the entry's value stands in `header`, the bytes before the first tensor.
  [[nodiscard]] static std::optional<std::size_t> find_value(std::string_view header);

  /// The value for `header`, which has a value of the same length at `offset`, and these tensors.
  [[nodiscard]] static std::string format(std::string header, std::size_t offset,
                                          std::span<Sha256::Digest const> tensors);

  /// Whether a value has the hash of the header: of its length's bytes and its text, in which the value's first digits
  /// become zeros.
  [[nodiscard]] static bool is_hash_of_header(std::string_view value,
                                              std::span<std::byte const> length, std::string& text);

  /// Takes an entry's value apart; nothing if it is not that of so many tensors.
  [[nodiscard]] static std::optional<std::vector<Sha256::Digest>> parse(std::string_view value,
                                                                        std::size_t tensors);

 private:
  static constexpr std::size_t digits = 2 * std::tuple_size_v<Sha256::Digest>;

  [[nodiscard]] static std::optional<Sha256::Digest> digest_of(std::string_view hexadecimal);
};

inline std::string SafetensorsHashes::placeholder(std::size_t tensors) {
  std::string value;
  value.reserve((digits + 1) * (tensors + 1));
  value.append(digits, '0');
  for (std::size_t i = 0; i < tensors; ++i) value.append(1, ' ').append(digits, '0');
  return value;
}

inline std::optional<std::size_t> SafetensorsHashes::find_value(std::string_view header) {
  // No other text can look like this: quotation marks within a string are escaped, and tensors are objects.
  constexpr std::string_view entry = "\"accrete_sha256\":\"";
  static_assert(entry.substr(1, metadata_key.size()) == metadata_key);
  std::size_t at = header.find(entry);
  while (at != header.npos && at > 0 && header[at - 1] == '\\') at = header.find(entry, at + 1);
  if (at == header.npos) return std::nullopt;
  return at + entry.size();
}

inline std::string SafetensorsHashes::format(std::string header, std::size_t offset,
                                             std::span<Sha256::Digest const> tensors) {
  std::string value;
  value.reserve((digits + 1) * (tensors.size() + 1));
  value.append(digits, '0');
  for (Sha256::Digest const& digest : tensors) append_hex(value += ' ', digest);
  header.replace(offset, value.size(), value);
  value.replace(0, digits, sha256_hex(header));
  return value;
}

inline bool SafetensorsHashes::is_hash_of_header(std::string_view value,
                                                 std::span<std::byte const> length,
                                                 std::string& text) {
  auto const at = find_value(text);
  if (!at || value.size() < digits || text.compare(*at, value.size(), value) != 0) return false;
  text.replace(*at, digits, digits, '0');
  Sha256 hash;
  hash.update(length);
  hash.update(text);
  return to_hex(hash.digest()) == value.substr(0, digits);
}

inline std::optional<Sha256::Digest> SafetensorsHashes::digest_of(std::string_view hexadecimal) {
  constexpr std::string_view known = "0123456789abcdef";
  Sha256::Digest digest{};
  for (std::size_t i = 0; i < digits; ++i) {
    std::size_t const value = known.find(hexadecimal[i]);
    if (value == known.npos) return std::nullopt;
    digest[i / 2] = static_cast<std::uint8_t>(16U * digest[i / 2] + value);
  }
  return digest;
}

inline std::optional<std::vector<Sha256::Digest>> SafetensorsHashes::parse(std::string_view value,
                                                                           std::size_t tensors) {
  if (value.size() != (digits + 1) * (tensors + 1) - 1) return std::nullopt;
  std::vector<Sha256::Digest> digests;
  digests.reserve(tensors);
  for (std::size_t at = digits; at < value.size(); at += digits + 1) {
    auto const digest = digest_of(value.substr(at + 1, digits));
    if (!digest || value[at] != ' ') return std::nullopt;
    digests.push_back(*digest);
  }
  return digests;
}

ACCRETE_END_NAMESPACE
