/// The first few principal components of the substrate's rows as the embedding.
#pragma once

#include <cmath>
#include <vector>

#include <accrete/embedding/frozen_table.hpp>
#include <accrete/substrate/octet.hpp>

ACCRETE_BEGIN_NAMESPACE

/// y / |y| with y the first `width` numbers of each row: (V, width). Where the table holds principal
/// components, that is the table of fewer components. Rows that begin with zeros alone stay zero.
///
/// Throws ShapeError unless 1 <= width <= substrate.width().
[[nodiscard]] inline std::vector<float> leading_components(Substrate const& substrate,
                                                           Index width) {
  if (width < 1 || width > substrate.width()) {
    throw ShapeError(message("leading_components: expected a width from 1 to ", substrate.width(),
                             ", that of the substrate, got ", width));
  }
  std::vector<float> table;
  table.reserve(static_cast<std::size_t>(substrate.vocabulary_size() * width));
  for (TokenId id = 0; id < substrate.vocabulary_size(); ++id) {
    auto const row = substrate.row(id).first(static_cast<std::size_t>(width));
    double squares = 0.0;
    for (float const value : row) squares += rounded_product(double{value}, double{value});
    double const length = std::sqrt(squares);
    for (float const value : row) {
      table.push_back(length > 0.0 ? static_cast<float>(double{value} / length) : 0.0F);
    }
  }
  return table;
}

/// `leading_components` of any width that divides C: the published "16-float" embedding for 16.
template <Index Width>
struct LeadingComponentsEmbedding {
  static constexpr bool dockable = true;

  template <HasEmbedding B>
  class Layer : public FrozenTable<B> {
   public:
    Layer(B const& backend, Substrate const& substrate, Index model_dim)
        : FrozenTable<B>(backend, leading_components(substrate, Width), substrate.vocabulary_size(),
                         Width) {
      detail::check_expansion("LeadingComponentsEmbedding", model_dim, Width);
    }
    [[nodiscard]] Json describe() const { return this->describe_as("leading_components"); }
  };
};

ACCRETE_END_NAMESPACE
