/// Any of our recipes behind one type, chosen by name or by what a substrate says it was made by.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/substrate/glyph/bvv241_recipe.hpp>
#include <accrete/substrate/glyph/clean_recipe.hpp>
#include <accrete/substrate/substrate.hpp>

namespace substrate_program {

using accrete::Bitmap;
using accrete::Index;
using accrete::Json;

/// A GlyphRecipe that is one of ours.
class AnyRecipe {
 public:
  /// ValueError for a name that no recipe has.
  AnyRecipe(std::string const& name, Index size, accrete::MissingGlyph missing)
      : recipe_(make(name, size, missing)) {}

  [[nodiscard]] Index size() const {
    return std::visit([](auto const& recipe) { return recipe.size(); }, recipe_);
  }
  template <accrete::GlyphRasterizer Rasterizer>
  [[nodiscard]] Bitmap picture(Rasterizer& rasterizer, accrete::DrawnToken const& token) const {
    return std::visit([&](auto const& recipe) { return recipe.picture(rasterizer, token); },
                      recipe_);
  }
  [[nodiscard]] std::vector<Index> pixel_order() const {
    return std::visit([](auto const& recipe) { return recipe.pixel_order(); }, recipe_);
  }
  [[nodiscard]] Json describe() const {
    return std::visit([](auto const& recipe) { return recipe.describe(); }, recipe_);
  }

 private:
  using Recipe = std::variant<accrete::CleanRecipe, accrete::Bvv241Recipe>;

  [[nodiscard]] static Recipe make(std::string const& name, Index size,
                                   accrete::MissingGlyph missing) {
    if (name == "clean") return accrete::CleanRecipe{.cell_size = size, .missing = missing};
    if (name == "bvv241") return accrete::Bvv241Recipe(size, missing);
    throw accrete::ValueError(
        accrete::message("expected a recipe of the name clean or bvv241, got ", name));
  }

  Recipe recipe_;
};

/// The recipe that made `substrate`. MismatchError where it names none of ours.
[[nodiscard]] inline AnyRecipe recipe_of(accrete::Substrate const& substrate,
                                         accrete::MissingGlyph missing) {
  Json const* const made_by = substrate.provenance().find("recipe");
  if (made_by == nullptr || !made_by->is_object())
    throw accrete::MismatchError("the substrate was not made of glyphs: it names no recipe");
  AnyRecipe const recipe(made_by->at("name").as_string(), made_by->at("size").as_int(), missing);
  if (recipe.describe() != *made_by)
    throw accrete::MismatchError(accrete::message("the substrate was made by the recipe ",
                                                  made_by->dump(),
                                                  ", which this program does not have"));
  return recipe;
}

}  // namespace substrate_program
