/// The parameters of a fusion in a file of their own, apart from the experts that they belong to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <accrete/core/version.hpp>
#include <accrete/io/file.hpp>
#include <accrete/io/format_version.hpp>
#include <accrete/io/safetensors.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/nn/segment.hpp>

ACCRETE_BEGIN_NAMESPACE

inline constexpr Index fusion_format_version = 2;

/// SHA-256 of a file's content in hexadecimal. Throws FileError.
[[nodiscard]] inline std::string sha256_of_file(std::filesystem::path const& path) {
  File const file = File::open_for_reading(path);
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  Sha256 hash;
  for (std::uint64_t offset = 0;;) {
    std::size_t const count = file.read_some(offset, buffer);
    if (count == 0) break;
    hash.update(std::span<std::byte const>(buffer.data(), count));
    offset += count;
  }
  return to_hex(hash.digest());
}

namespace detail {
[[nodiscard]] inline std::string joined(std::vector<std::string> const& words) {
  std::string text;
  for (auto const& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}
}  // namespace detail

/// Writes the fusion's parameters, whole or not at all. `experts` are the hashes of the experts that they were trained
/// with.
template <class Ensemble>
void save_fusion(Ensemble const& ensemble, std::vector<std::string> const& experts,
                 std::filesystem::path const& path) {
  using T = TypeOf<typename Ensemble::Backend, Master>;
  auto const& segment = ensemble.fusion_segment();
  SafetensorsWriter writer;
  writer.set_metadata({{"format", "accrete fusion"},
                       {"format_version", std::to_string(fusion_format_version)},
                       {"library", ACCRETE_VERSION_STRING},
                       {"fusion", ensemble.fusion().describe().dump()},
                       {"experts", detail::joined(experts)}});
  for (auto const& entry : segment.entries())
    writer.declare(entry.name, dtype_of<T>(), entry.shape);
  writer.add_hashes();
  writer.open(path);
  for (auto const& entry : segment.entries())
    writer.write(entry.name,
                 host_copy(segment.backend(),
                           segment.values().slice(entry.offset, entry.offset + entry.count)));
  writer.commit();
}

/// Reads what `save_fusion` wrote.
class FusionReader {
 public:
  /// Throws FileError for a file that is damaged, foreign or of a newer format, MismatchError where it was made for other
  /// experts.
  FusionReader(std::filesystem::path const& path, std::vector<std::string> const& experts)
      : file_(path) {
    if (value("format") != "accrete fusion")
      throw FileError(path.string(), "is a safetensors file but holds no fusion of accrete");
    if (value("format_version") == std::to_string(fusion_format_version))
      file_.require_hashes();
    else if (value("format_version") != "1")
      throw FileError(path.string(),
                      message("has fusion format version ", value("format_version"),
                              ", this library reads version ", fusion_format_version,
                              advice_on_version(value("format_version"), fusion_format_version)));
    if (value("experts") != detail::joined(experts))
      throw MismatchError(message(path.string(),
                                  ": this fusion was trained with other experts: expected ",
                                  detail::joined(experts), ", got ", value("experts")));
  }

  /// Throws unless the file holds the parameters of this ensemble's fusion.
  template <class Ensemble>
  void check(Ensemble const& ensemble) const {
    std::string const path = file_.path().string();
    if (value("fusion") != ensemble.fusion().describe().dump())
      throw MismatchError(message(path, ": holds the fusion ", value("fusion"),
                                  ", this ensemble has ", ensemble.fusion().describe().dump()));
    for (auto const& entry : ensemble.fusion_segment().entries()) {
      TensorInfo const& tensor = file_.at(entry.name);
      if (tensor.shape != entry.shape)
        throw FileError(path, "tensor " + entry.name + " has another shape than the fusion's");
      if (!converts_to<TypeOf<typename Ensemble::Backend, Master>>(tensor.dtype))
        throw FileError(path, message("tensor ", entry.name, " is ", name_of(tensor.dtype),
                                      ", which no fusion is made of"));
    }
  }
  template <class Ensemble>
  void restore(Ensemble& ensemble) const {
    auto& segment = ensemble.fusion_segment();
    for (auto const& entry : segment.entries())
      segment.fill(entry, [&](auto values) { file_.read_as(file_.at(entry.name), values); });
    if constexpr (requires { ensemble.fusion().set_weights(ensemble.fusion().weights()); }) try {
        ensemble.fusion().set_weights(ensemble.fusion().weights());  // checks them
      } catch (ValueError const& error) {
        throw FileError(file_.path().string(), error.what());
      }
  }

 private:
  [[nodiscard]] std::string value(char const* key) const {
    auto const found = file_.metadata().find(key);
    return found == file_.metadata().end() ? std::string() : found->second;
  }
  SafetensorsReader file_;
};

ACCRETE_END_NAMESPACE
