/// Substrates in safetensors files. Include substrate.hpp.
///
/// Tensors: `vocabulary` (u8, JSON as in text/vocabulary_json.hpp), `table` (f32: V, width) and, where
/// there is a basis, `mean` (f64: bits), `components` (f64: bits, width), `variances` (f64: width).
/// Metadata: `format`, `version`, `library` (which wrote it), `fingerprint`, `provenance` and `ancestors` (JSON), and `checksum`,
/// the SHA-256 of what the fingerprint leaves out: provenance, ancestors and basis. The file also has the hashes of
/// io/safetensors_hashes.hpp.
#pragma once

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/version.hpp>
#include <accrete/io/format_version.hpp>
#include <accrete/io/json.hpp>
#include <accrete/io/safetensors.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/substrate/substrate_identity.hpp>
#include <accrete/text/vocabulary_json.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

inline constexpr std::string_view substrate_format = "accrete-substrate";
inline constexpr Index substrate_format_version = 2;

[[nodiscard]] inline std::string substrate_checksum(SubstrateParts const& parts) {
  Sha256 hash;
  for (std::string const& text : {parts.provenance.dump(), to_json(parts.ancestors).dump()}) {
    hash.update(text);
    hash.update("\n");
  }
  if (parts.basis) {
    for (auto const* values :
         {&parts.basis->mean, &parts.basis->components, &parts.basis->variances}) {
      hash.update(std::as_bytes(std::span(*values)));
    }
  }
  return to_hex(hash.digest());
}

/// Reads the parts of a substrate; every error is a FileError.
class SubstrateReader {
 public:
  explicit SubstrateReader(std::filesystem::path const& path) : file_(path) { check_format(); }

  [[nodiscard]] SubstrateParts read() const;

  /// What the file says of its content.
  [[nodiscard]] std::string const& stated_fingerprint() const { return metadata("fingerprint"); }
  /// Nothing in files that were written before there were checksums.
  [[nodiscard]] std::optional<std::string> stated_checksum() const {
    auto const found = file_.metadata().find("checksum");
    if (found == file_.metadata().end()) return std::nullopt;
    return found->second;
  }

  [[noreturn]] void refuse(std::string_view reason) const {
    throw FileError(file_.path().string(), reason);
  }

 private:
  void check_format() const;
  [[nodiscard]] std::string const& metadata(std::string const& key) const;
  [[nodiscard]] Json json_metadata(std::string const& key) const;
  [[nodiscard]] TensorInfo const& tensor(std::string_view name, DType dtype,
                                         std::size_t rank) const;
  [[nodiscard]] Vocabulary vocabulary() const;
  [[nodiscard]] std::optional<PcaBasis> basis() const;

  SafetensorsReader file_;
};

inline void SubstrateReader::check_format() const {
  auto const format = file_.metadata().find("format");
  if (format == file_.metadata().end() || format->second != substrate_format) {
    refuse(message("expected a file of the format ", substrate_format, ", got ",
                   format == file_.metadata().end() ? "none" : excerpt(format->second)));
  }
  if (metadata("version") == std::to_string(substrate_format_version))
    return file_.require_hashes();
  if (metadata("version") != "1") {  // which had no hashes
    refuse(message("expected format version ", substrate_format_version, ", got ",
                   excerpt(metadata("version")),
                   advice_on_version(metadata("version"), substrate_format_version)));
  }
}

inline std::string const& SubstrateReader::metadata(std::string const& key) const {
  auto const found = file_.metadata().find(key);
  if (found == file_.metadata().end()) refuse("the metadata has no entry " + key);
  return found->second;
}

inline Json SubstrateReader::json_metadata(std::string const& key) const {
  return Json::parse(metadata(key), file_.path().string() + ": metadata " + key,
                     {.base_memory = std::uint64_t{3} << 20});
}

inline TensorInfo const& SubstrateReader::tensor(std::string_view name, DType dtype,
                                                 std::size_t rank) const {
  TensorInfo const& info = file_.at(name);
  if (info.dtype != dtype || info.shape.size() != rank) {
    refuse(message("tensor ", name, ": expected ", name_of(dtype), " of rank ", rank, ", got ",
                   name_of(info.dtype), " of rank ", info.shape.size()));
  }
  return info;
}

inline Vocabulary SubstrateReader::vocabulary() const {
  TensorInfo const& info = tensor("vocabulary", DType::u8, 1);
  std::string text(info.byte_count(), '\0');
  file_.read(info, std::as_writable_bytes(std::span(text)));
  // Tokens of one or two characters take fewer bytes of text than any value does of memory, but each has a row in the
  // table. Half of what is allowed: the vocabulary is made while the values are there.
  std::uint64_t const table_bytes = tensor("table", DType::f32, 2).byte_count();
  JsonLimits const limits{
      .max_depth = 4,
      .base_memory = (std::uint64_t{5} << 20) + (table_bytes + info.byte_count()) * 3 / 2,
      .memory_per_byte = 0};
  Json const json = Json::parse(text, file_.path().string() + ": tensor vocabulary", limits);
  return vocabulary_from_json(json);
}

inline std::optional<PcaBasis> SubstrateReader::basis() const {
  if (file_.find("components") == nullptr) return std::nullopt;
  TensorInfo const& components = tensor("components", DType::f64, 2);
  static_cast<void>(tensor("mean", DType::f64, 1));
  static_cast<void>(tensor("variances", DType::f64, 1));
  return PcaBasis{components.shape[0], components.shape[1], file_.read_vector<double>("mean"),
                  file_.read_vector<double>("components"), file_.read_vector<double>("variances")};
}

inline SubstrateParts SubstrateReader::read() const {
  return {vocabulary(),
          tensor("table", DType::f32, 2).shape[1],
          file_.read_vector<float>("table"),
          json_metadata("provenance"),
          basis(),
          ancestors_from_json(json_metadata("ancestors"))};
}

}  // namespace detail

inline Substrate Substrate::load(std::filesystem::path const& path) {
  detail::SubstrateReader const reader(path);
  try {
    SubstrateParts parts = reader.read();
    auto const checksum = reader.stated_checksum();
    if (checksum && *checksum != detail::substrate_checksum(parts)) {
      reader.refuse(
          "provenance, ancestors or basis do not fit their checksum: it was damaged or changed");
    }
    Substrate const substrate(std::move(parts));
    if (substrate.fingerprint() != reader.stated_fingerprint()) {
      reader.refuse(message("the content has the fingerprint ", substrate.fingerprint(),
                            ", the file states ", detail::excerpt(reader.stated_fingerprint()),
                            ": it was damaged or changed"));
    }
    return substrate;
  } catch (FileError const&) {
    throw;
  } catch (Error const& error) {
    reader.refuse(error.what());
  }
}

inline void Substrate::save(std::filesystem::path const& path) const {
  std::string const vocabulary_text = to_json(vocabulary()).dump();
  SafetensorsWriter writer;
  writer.set_metadata({{"format", std::string(detail::substrate_format)},
                       {"version", std::to_string(detail::substrate_format_version)},
                       {"library", ACCRETE_VERSION_STRING},
                       {"fingerprint", fingerprint()},
                       {"provenance", provenance().dump()},
                       {"ancestors", to_json(ancestors()).dump()},
                       {"checksum", detail::substrate_checksum(content_->parts)}});
  if (basis()) {
    writer.declare("components", DType::f64, {basis()->bit_count, width()});
    writer.declare("mean", DType::f64, {basis()->bit_count});
    writer.declare("variances", DType::f64, {width()});
  }
  writer.declare("table", DType::f32, {vocabulary_size(), width()});
  writer.declare("vocabulary", DType::u8, {static_cast<Index>(vocabulary_text.size())});
  writer.add_hashes();
  writer.open(path);
  if (basis()) {
    writer.write("components", std::as_bytes(std::span(basis()->components)));
    writer.write("mean", std::as_bytes(std::span(basis()->mean)));
    writer.write("variances", std::as_bytes(std::span(basis()->variances)));
  }
  writer.write("table", std::as_bytes(table()));
  writer.write("vocabulary", std::as_bytes(std::span(vocabulary_text)));
  writer.commit();
}

ACCRETE_END_NAMESPACE
