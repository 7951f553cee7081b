/// Reads and writes tokenizer.json, the format of Hugging Face's `tokenizers`.
///
/// Supported: the model BPE with merges in both notations, byte_fallback, ignore_merges and
/// fuse_unk; added and special tokens; no pre-tokenizer, ByteLevel, and the splits of GPT-2, Llama 3
/// and Qwen 2; templates that put marks around a text. All else (normalizers, dropout, truncation,
/// other pre-tokenizers, unknown keys) is refused by its path, never ignored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/core/macros.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/io/memory_budget.hpp>
#include <accrete/text/json_path_reader.hpp>
#include <accrete/text/tokenizer.hpp>
#include <accrete/text/tokenizer_json_assembly.hpp>
#include <accrete/text/tokenizer_json_model.hpp>
#include <accrete/text/tokenizer_json_parts.hpp>
#include <accrete/text/tokenizer_json_rules.hpp>
#include <accrete/text/tokenizer_json_writer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// FileError(source, offset, "model.merges[17]: reason") for whatever is wrong or not supported:
/// syntax, a key or token that comes twice, ids with gaps, merges of what is no token, a tokenizer that takes more
/// memory than 16 MiB and four times the text.
[[nodiscard]] Tokenizer parse_tokenizer_json(std::string_view text, std::string_view source);

/// The same for a file of at most 256 MiB.
[[nodiscard]] inline Tokenizer read_tokenizer_json(std::filesystem::path const& path) {
  return parse_tokenizer_json(read_file(path, std::uint64_t{256} << 20), path.string());
}

inline void write_tokenizer_json(Tokenizer const& tokenizer, std::filesystem::path const& path) {
  write_file_atomically(path, to_tokenizer_json(tokenizer));
}

// -------------------------------------------------------------------------------------------------

inline Tokenizer parse_tokenizer_json(std::string_view text, std::string_view source) {
  detail::JsonPathReader reader(text, source);
  detail::TokenizerJsonParts parts;
  bool has_model = false;
  reader.object([&](std::string_view key) {
    std::uint64_t const offset = reader.offset();
    if (key == "version") {
      std::string const version = reader.string();
      if (version != "1.0") reader.refuse(offset, "expected 1.0, got ", detail::excerpt(version));
    } else if (key == "truncation" || key == "padding" || key == "normalizer") {
      detail::only_null(reader, key);
    } else if (key == "added_tokens") {
      parts.added = detail::read_added_tokens(reader);
    } else if (key == "pre_tokenizer") {
      parts.pre_tokenizer = detail::read_pre_tokenizer(reader);
    } else if (key == "post_processor") {
      parts.marks = detail::read_post_processor(reader);
    } else if (key == "decoder") {
      parts.decoder_offset = offset;
      parts.byte_level_decoder = detail::read_decoder(reader);
    } else if (key == "model") {
      parts.model = detail::read_bpe_model(reader);
      has_model = true;
    } else {
      detail::unknown_key(reader);
    }
  });
  reader.json().end_of_text();
  if (!has_model) reader.refuse(0, "model is missing");
  return detail::TokenizerJsonAssembly(reader, parts, MemoryBudget(text.size())).tokenizer();
}

ACCRETE_END_NAMESPACE
