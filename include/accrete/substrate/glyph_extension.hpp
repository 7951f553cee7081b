/// New tokens with glyphs on a finished glyph substrate: drawn by its recipe, projected with its basis.
///
///     std::vector<Token> const runes{{"ᚠ"}, {"ᚢ"}, {"ᚦ"}};
///     Substrate larger = extend_glyph_substrate(substrate, runes, font, CleanRecipe{});
///     expert.grow_vocabulary(larger);
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/io/json.hpp>
#include <accrete/substrate/bit_matrix.hpp>
#include <accrete/substrate/equal_rows.hpp>
#include <accrete/substrate/extension.hpp>
#include <accrete/substrate/glyph_substrate.hpp>
#include <accrete/substrate/pca.hpp>
#include <accrete/substrate/substrate.hpp>

ACCRETE_BEGIN_NAMESPACE

/// No existing token, id or row changes, and the basis stays: so a new row is as near to an older one
/// as their pictures are. The font may be another one, for a script that the first one lacks; the
/// recipe must be the same.
///
/// Throws MismatchError where the substrate was not made of pictures or by another recipe, and as
/// extend_substrate and draw_tokens; errors count the new tokens from 0. With
/// `refuse_equal_pictures`, ValueError where a new token looks like another one.
template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
[[nodiscard]] Substrate extend_glyph_substrate(Substrate const& substrate,
                                               std::span<Token const> tokens,
                                               Rasterizer const& rasterizer, Recipe const& recipe,
                                               GlyphSubstrateOptions const& options = {});

/// Rows of the table's own kind (n, width) for n pictures: projected with its basis, or the bits
/// themselves. Throws MismatchError where the substrate has neither.
[[nodiscard]] std::vector<float> rows_of_pictures(Substrate const& substrate, BitMatrix const& bits,
                                                  int threads);

namespace detail {

inline void check_recipe(Substrate const& substrate, Json const& recipe) {
  Json const* const made_by = substrate.provenance().find("recipe");
  if (made_by == nullptr) {
    throw MismatchError(
        "extend_glyph_substrate: the substrate's provenance names no recipe by which new tokens "
        "could be drawn");
  }
  if (*made_by != recipe) {
    throw MismatchError(message("extend_glyph_substrate: the substrate was made by the recipe ",
                                made_by->dump(), ", not by ", recipe.dump()));
  }
}

inline void refuse_new_look_alikes(Substrate const& larger, Index old_size) {
  auto const name = [&](Index row) {
    return message(row, " (", excerpt(larger.vocabulary().token(static_cast<TokenId>(row))), ")");
  };
  for (auto const& group : equal_rows(larger)) {
    if (group.back() < old_size) continue;
    throw ValueError(message("extend_glyph_substrate: token ", name(group.back()),
                             " has the picture of token ", name(group[group.size() - 2])));
  }
}

}  // namespace detail

inline std::vector<float> rows_of_pictures(Substrate const& substrate, BitMatrix const& bits,
                                           int threads) {
  if (substrate.basis()) {
    ThreadPool pool(threads);
    return project_normalized(*substrate.basis(), bits, pool);
  }
  Json const* const kind = substrate.provenance().find("kind");
  if (kind == nullptr || *kind != Json("glyph_bits") || bits.columns() != substrate.width()) {
    throw MismatchError(
        "extend_glyph_substrate: the substrate keeps no basis with which new pictures could become "
        "rows");
  }
  std::vector<float> rows;
  for (Index row = 0; row < bits.rows(); ++row) {
    for (Index bit = 0; bit < bits.columns(); ++bit)
      rows.push_back(bits.at(row, bit) ? 1.0F : 0.0F);
  }
  return rows;
}

template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
Substrate extend_glyph_substrate(Substrate const& substrate, std::span<Token const> tokens,
                                 Rasterizer const& rasterizer, Recipe const& recipe,
                                 GlyphSubstrateOptions const& options) {
  detail::check_recipe(substrate, recipe.describe());
  BitMatrix const bits = draw_tokens(Vocabulary(tokens, {}), rasterizer, recipe, options);
  std::vector<float> const rows = rows_of_pictures(substrate, bits, options.threads);
  Json const record = Json::object(
      {{"rasterizer", rasterizer.describe()}, {"bits_sha256", detail::hash_bits(bits)}});
  Substrate larger = extend_substrate(substrate, tokens, rows, record);
  if (options.refuse_equal_pictures)
    detail::refuse_new_look_alikes(larger, substrate.vocabulary_size());
  return larger;
}

ACCRETE_END_NAMESPACE
