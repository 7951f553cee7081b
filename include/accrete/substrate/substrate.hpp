/// The substrate: a vocabulary and a frozen row of numbers for each of its tokens.
///
/// Everything that is to dock stands on the same substrate, and its identity is its content: the
/// fingerprint is a hash of vocabulary, merges and table. How the table came to be is provenance.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/substrate/pca_basis.hpp>
#include <accrete/substrate/substrate_identity.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// What a substrate is made of.
struct SubstrateParts {
  Vocabulary vocabulary;
  Index width{};
  std::vector<float> table;          // (V, width)
  Json provenance = Json::object();  // recipe, font, tools: shown in refusals, never hashed
  std::optional<PcaBasis> basis{};   // to give new tokens rows of the same kind
  std::vector<SubstrateAncestor> ancestors{};  // by ascending size
};

/// A cheap shared handle to immutable data.
class Substrate {
 public:
  /// Throws ShapeError where sizes do not fit, ValueError where a number is not finite or the
  /// provenance is no object.
  explicit Substrate(SubstrateParts parts);

  /// Any table: random codes, a test's own.
  [[nodiscard]] static Substrate from_table(Vocabulary const& vocabulary, std::vector<float> table,
                                            Index width, Json provenance = Json::object());

  /// A safetensors file that `save` wrote. Throws FileError where it is damaged, foreign, of a newer
  /// format, or where its content has another fingerprint than it states.
  [[nodiscard]] static Substrate load(std::filesystem::path const& path);
  void save(std::filesystem::path const& path) const;

  // Copies alone, at the cost of a counter: without a move no handle is ever empty.
  Substrate(Substrate const&) = default;
  Substrate& operator=(Substrate const&) = default;
  ~Substrate() = default;

  [[nodiscard]] Vocabulary const& vocabulary() const { return content_->parts.vocabulary; }
  [[nodiscard]] Index vocabulary_size() const { return vocabulary().size(); }  // V
  [[nodiscard]] Index width() const { return content_->parts.width; }

  /// (V, width), row by row.
  [[nodiscard]] std::span<float const> table() const { return content_->parts.table; }

  /// The token's row (width). Throws ValueError unless the id is below V.
  [[nodiscard]] std::span<float const> row(TokenId id) const;

  /// SHA-256 in hexadecimal of: the line "accrete substrate 1\n"; the vocabulary's canonical bytes;
  /// the width as u64 and the table as f32, both little-endian.
  [[nodiscard]] std::string const& fingerprint() const { return content_->fingerprint; }

  /// What checkpoints remember of it.
  [[nodiscard]] SubstrateIdentity identity() const;

  [[nodiscard]] Json const& provenance() const { return content_->parts.provenance; }
  [[nodiscard]] std::optional<PcaBasis> const& basis() const { return content_->parts.basis; }
  [[nodiscard]] std::vector<SubstrateAncestor> const& ancestors() const {
    return content_->parts.ancestors;
  }

  /// Whether `other` is a larger substrate that names this one as ancestor, and has indeed its tokens
  /// and rows. No substrate is its own ancestor.
  [[nodiscard]] bool is_ancestor_of(Substrate const& other) const;

  /// Whether models on the two may be merged: they are equal, or one is an ancestor of the other.
  [[nodiscard]] bool docks_with(Substrate const& other) const {
    return *this == other || is_ancestor_of(other) || other.is_ancestor_of(*this);
  }

  /// The same content; provenance does not count.
  friend bool operator==(Substrate const& a, Substrate const& b) {
    return a.fingerprint() == b.fingerprint();
  }

 private:
  struct Content {
    SubstrateParts parts;
    std::string fingerprint;
  };

  std::shared_ptr<Content const> content_;
};

namespace detail {

inline void check_basis(PcaBasis const& basis, Index width) {
  auto const has = [](std::vector<double> const& values, Index count) {
    return static_cast<Index>(values.size()) == count &&
           std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  };
  if (basis.width != width || basis.bit_count < width || !has(basis.mean, basis.bit_count) ||
      !has(basis.components, basis.bit_count * width) || !has(basis.variances, width)) {
    throw ShapeError(message("Substrate: expected a finite basis of width ", width,
                             " with a mean and a component row for each bit"));
  }
}

inline void check_parts(SubstrateParts const& parts) {
  Index const size = parts.vocabulary.size();
  constexpr Index max_width = Index{1} << 24;
  if (parts.width < 1 || parts.width > max_width ||
      static_cast<Index>(parts.table.size()) != size * parts.width) {
    throw ShapeError(message("Substrate: expected a table of ", size, " rows of width ",
                             parts.width, " (1 to ", max_width, "), got ", parts.table.size(),
                             " numbers"));
  }
  auto const bad = std::find_if_not(parts.table.begin(), parts.table.end(),
                                    [](float value) { return std::isfinite(value); });
  if (bad != parts.table.end()) {
    auto const place = static_cast<Index>(bad - parts.table.begin());
    throw ValueError(message("Substrate: table[", place / parts.width, ",", place % parts.width,
                             "]: expected a finite number, got ", *bad));
  }
  if (!parts.provenance.is_object()) {
    throw ValueError("Substrate: expected a provenance that is a JSON object");
  }
  if (parts.basis) check_basis(*parts.basis, parts.width);
  Index largest = 0;
  for (SubstrateAncestor const& ancestor : parts.ancestors) {
    if (ancestor.vocabulary_size <= largest || ancestor.vocabulary_size > size) {
      throw ValueError(message("Substrate: expected ancestors by ascending size up to ", size,
                               " tokens, got one of ", ancestor.vocabulary_size));
    }
    largest = ancestor.vocabulary_size;
  }
}

[[nodiscard]] inline std::string fingerprint_of(SubstrateParts const& parts) {
  static_assert(std::endian::native == std::endian::little,
                "fingerprints hash little-endian bytes");
  auto const width = static_cast<std::uint64_t>(parts.width);
  Sha256 hash;
  hash.update("accrete substrate 1\n");
  parts.vocabulary.hash_into(hash);
  hash.update(std::as_bytes(std::span(&width, 1)));
  hash.update(std::as_bytes(std::span(parts.table)));
  return to_hex(hash.digest());
}

}  // namespace detail

inline Substrate::Substrate(SubstrateParts parts) {
  detail::check_parts(parts);
  std::string fingerprint = detail::fingerprint_of(parts);
  content_ = std::make_shared<Content const>(Content{std::move(parts), std::move(fingerprint)});
}

inline Substrate Substrate::from_table(Vocabulary const& vocabulary, std::vector<float> table,
                                       Index width, Json provenance) {
  return Substrate({vocabulary, width, std::move(table), std::move(provenance)});
}

inline std::span<float const> Substrate::row(TokenId id) const {
  if (id < 0 || id >= vocabulary_size()) {
    throw ValueError(
        message("Substrate: expected a token id below ", vocabulary_size(), ", got ", id));
  }
  auto const row_width = static_cast<std::size_t>(width());
  return table().subspan(static_cast<std::size_t>(id) * row_width, row_width);
}

inline SubstrateIdentity Substrate::identity() const {
  Sha256 hash;
  vocabulary().hash_into(hash);
  return {fingerprint(), to_hex(hash.digest()), vocabulary_size(),
          width(),       provenance(),          ancestors()};
}

inline bool Substrate::is_ancestor_of(Substrate const& other) const {
  SubstrateAncestor const self{fingerprint(), vocabulary_size()};
  auto const& named = other.ancestors();
  if (std::find(named.begin(), named.end(), self) == named.end() || width() != other.width() ||
      fingerprint() == other.fingerprint()) {
    return false;
  }
  for (TokenId id = 0; id < vocabulary_size(); ++id) {
    if (vocabulary().token(id) != other.vocabulary().token(id) ||
        vocabulary().kind(id) != other.vocabulary().kind(id)) {
      return false;
    }
  }
  return std::memcmp(table().data(), other.table().data(), table().size_bytes()) == 0;
}

ACCRETE_END_NAMESPACE

#include <accrete/substrate/substrate_difference.hpp>
#include <accrete/substrate/substrate_file.hpp>
