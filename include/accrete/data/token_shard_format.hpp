/// The file format of token shards: what the writer and the reader agree on.
///
///     offset  size
///     0       8      "accrtoks"
///     8       4      format version, 1
///     12      4      bytes per id: 2 if V is at most 65,536, else 4
///     16      8      V
///     24      4      length of the fingerprint, at most 256
///     28      4      0
///     32      ...    the fingerprint of the vocabulary or substrate, as text
///             ...    zeros up to a multiple of 8
///             ...    the ids
///             8      the number of ids, at the end of the file
///
/// All numbers are little-endian. The count stands last, so that a shard is written in one pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {

struct TokenShardFormat {
  static constexpr std::string_view magic = "accrtoks";
  static constexpr std::uint32_t version = 1;
  static constexpr std::size_t header_bytes = 32;
  static constexpr std::size_t count_bytes = 8;
  static constexpr std::size_t max_fingerprint_bytes = 256;
  static constexpr Index max_vocabulary_size = Index{1} << 31;

  [[nodiscard]] static constexpr std::size_t id_bytes(Index vocabulary_size) {
    return vocabulary_size <= 65536 ? 2 : 4;
  }

  /// Where the ids begin.
  [[nodiscard]] static constexpr std::uint64_t ids_offset(std::size_t fingerprint_bytes) {
    return header_bytes + (fingerprint_bytes + 7) / 8 * 8;
  }
};

}  // namespace detail

ACCRETE_END_NAMESPACE
