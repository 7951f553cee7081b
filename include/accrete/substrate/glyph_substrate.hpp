/// From a vocabulary and a font to a substrate: pictures, bits, principal components, table.
///
///     HexRasterizer font(HexFont::read("unifont.hex"));
///     Substrate substrate = build_glyph_substrate(vocabulary, font, CleanRecipe{}, 256);
///     substrate.save("substrate.safetensors");
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/core/thread_pool.hpp>
#include <accrete/core/version.hpp>
#include <accrete/io/json.hpp>
#include <accrete/io/sha256.hpp>
#include <accrete/substrate/bit_matrix.hpp>
#include <accrete/substrate/eigen_solver.hpp>
#include <accrete/substrate/equal_rows.hpp>
#include <accrete/substrate/glyph/rasterizer.hpp>
#include <accrete/substrate/glyph/recipe.hpp>
#include <accrete/substrate/pca.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

struct GlyphSubstrateOptions {
  int threads = ThreadPool::hardware_threads();  // of no influence on the result
  bool refuse_equal_pictures = false;            // ValueError where two tokens look the same

  EigenSolver solver = portable_eigen_solver();  // another may change bits of the table

  /// Called in the calling thread: the stage ("drawing", "covariance", "components", "table"), what
  /// is done, and of how much.
  std::function<void(std::string_view stage, Index done, Index total)> progress{};
};

/// The pictures of all tokens as rows of bits (V, size^2). Each task draws with its own copy of
/// `rasterizer`. Errors name the token.
template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
[[nodiscard]] BitMatrix draw_tokens(Vocabulary const& vocabulary, Rasterizer const& rasterizer,
                                    Recipe const& recipe,
                                    GlyphSubstrateOptions const& options = {});

/// The table's rows are the bits of the tokens' pictures, centred, projected to their `width`
/// principal components and scaled to length 1 (pca.hpp).
///
/// Throws ShapeError unless 1 <= width <= size^2; ValueError and FileError as recipe and rasterizer.
template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
[[nodiscard]] Substrate build_glyph_substrate(Vocabulary const& vocabulary,
                                              Rasterizer const& rasterizer, Recipe const& recipe,
                                              Index width,
                                              GlyphSubstrateOptions const& options = {});

/// The table's rows are the bits themselves, as 0 and 1: (V, size^2). A token without ink is a row
/// of zeros.
template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
[[nodiscard]] Substrate build_glyph_bits_substrate(Vocabulary const& vocabulary,
                                                   Rasterizer const& rasterizer,
                                                   Recipe const& recipe,
                                                   GlyphSubstrateOptions const& options = {});

namespace detail {

inline void report(GlyphSubstrateOptions const& options, std::string_view stage, Index done,
                   Index total) {
  if (options.progress) options.progress(stage, done, total);
}

/// Writes the bits of one picture.
inline void store_bits(Bitmap const& picture, std::span<Index const> pixel_order, BitMatrix& bits,
                       Index row) {
  Index bit = 0;
  for (Index const pixel : pixel_order) {
    if (picture.pixels()[static_cast<std::size_t>(pixel)] >= 128) bits.set(row, bit);
    ++bit;
  }
}

[[nodiscard]] inline std::string hash_bits(BitMatrix const& bits) {
  return sha256_hex(std::as_bytes(bits.words()));
}

inline void refuse_groups(std::vector<std::vector<Index>> const& groups,
                          Vocabulary const& vocabulary) {
  if (groups.empty()) return;
  auto const name = [&](Index row) {
    return message(row, " (", excerpt(vocabulary.token(static_cast<TokenId>(row))), ")");
  };
  throw ValueError(message("build_glyph_substrate: ", groups.size(),
                           " groups of tokens share a picture, the first holds tokens ",
                           name(groups[0][0]), " and ", name(groups[0][1])));
}

/// The provenance of what is made of these pictures.
template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
[[nodiscard]] Json describe_pictures(char const* kind, BitMatrix const& bits,
                                     Vocabulary const& vocabulary, Rasterizer const& rasterizer,
                                     Recipe const& recipe, bool refuse_equal_pictures) {
  auto const groups = equal_rows(bits);
  if (refuse_equal_pictures) refuse_groups(groups, vocabulary);
  return Json::object(
      {{"kind", kind},
       {"library", ACCRETE_VERSION_STRING},
       {"recipe", recipe.describe()},
       {"rasterizer", rasterizer.describe()},
       {"bits", Json::object({{"count", bits.columns()}, {"sha256", hash_bits(bits)}})},
       {"groups_of_equal_pictures", groups.size()}});
}

}  // namespace detail

template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
BitMatrix draw_tokens(Vocabulary const& vocabulary, Rasterizer const& rasterizer,
                      Recipe const& recipe, GlyphSubstrateOptions const& options) {
  std::vector<Index> const pixel_order = recipe.pixel_order();
  auto const draw = [&](Rasterizer& own, Index row, BitMatrix& bits) {
    try {
      DrawnToken const token = drawn_token(vocabulary, static_cast<TokenId>(row));
      detail::store_bits(recipe.picture(own, token), pixel_order, bits, row);
    } catch (ValueError const& error) {
      throw ValueError(message("token ", row, ": ", error.what()));
    }
  };
  ThreadPool pool(options.threads);
  std::vector<Rasterizer> own;
  own.reserve(static_cast<std::size_t>(pool.threads()));
  for (int i = 0; i < pool.threads(); ++i) own.push_back(Rasterizer(rasterizer));

  BitMatrix bits(vocabulary.size(), static_cast<Index>(pixel_order.size()));
  constexpr Index batch = 4096;
  for (Index begin = 0; begin < vocabulary.size(); begin += batch) {
    Index const size = std::min(batch, vocabulary.size() - begin);
    pool.parallel_for(pool.threads(), [&](Index task) {
      IndexRange const range = split_range(size, pool.threads(), task);
      for (Index i = range.begin; i < range.end; ++i) {
        draw(own[static_cast<std::size_t>(task)], begin + i, bits);
      }
    });
    detail::report(options, "drawing", begin + size, vocabulary.size());
  }
  return bits;
}

template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
Substrate build_glyph_substrate(Vocabulary const& vocabulary, Rasterizer const& rasterizer,
                                Recipe const& recipe, Index width,
                                GlyphSubstrateOptions const& options) {
  detail::check_pca(vocabulary.size(), static_cast<Index>(recipe.pixel_order().size()), width);
  BitMatrix const bits = draw_tokens(vocabulary, rasterizer, recipe, options);
  Json provenance = detail::describe_pictures("glyphs", bits, vocabulary, rasterizer, recipe,
                                              options.refuse_equal_pictures);
  provenance["eigen_solver"] = options.solver.name;

  ThreadPool pool(options.threads);
  CoOccurrence const both = co_occurrence(bits, pool);
  detail::report(options, "covariance", bits.columns(), bits.columns());
  PcaBasis basis = fit_pca(both, width, pool, options.solver);
  detail::report(options, "components", width, width);
  std::vector<float> table = project_normalized(basis, bits, pool);
  detail::report(options, "table", bits.rows(), bits.rows());
  return Substrate({vocabulary, width, std::move(table), std::move(provenance), std::move(basis)});
}

template <GlyphRasterizer Rasterizer, GlyphRecipe<Rasterizer> Recipe>
Substrate build_glyph_bits_substrate(Vocabulary const& vocabulary, Rasterizer const& rasterizer,
                                     Recipe const& recipe, GlyphSubstrateOptions const& options) {
  BitMatrix const bits = draw_tokens(vocabulary, rasterizer, recipe, options);
  Json provenance = detail::describe_pictures("glyph_bits", bits, vocabulary, rasterizer, recipe,
                                              options.refuse_equal_pictures);
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(bits.rows() * bits.columns()));
  for (Index row = 0; row < bits.rows(); ++row) {
    for (Index bit = 0; bit < bits.columns(); ++bit) {
      table.push_back(bits.at(row, bit) ? 1.0F : 0.0F);
    }
  }
  detail::report(options, "table", bits.rows(), bits.rows());
  return Substrate({vocabulary, bits.columns(), std::move(table), std::move(provenance)});
}

ACCRETE_END_NAMESPACE
