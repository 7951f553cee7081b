/// Which experts may be merged: what the compiler checks, and what their substrates must agree on.
#pragma once

#include <concepts>
#include <type_traits>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/substrate/substrate.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {
template <class First, class...>
struct FirstOf {
  using type = First;
};
template <class... Ts>
using first_of = typename FirstOf<Ts...>::type;
}  // namespace detail

template <class... Experts>
concept AtLeastOneExpert = sizeof...(Experts) > 0;

/// All experts must compute on one backend.
template <class... Experts>
concept OneBackend =
    (std::same_as<typename Experts::Backend, typename detail::first_of<Experts...>::Backend> &&
     ...);

/// Experts share an embedding only if it is frozen and of one kind; learned embeddings drift apart.
template <class... Experts>
concept OneDockableEmbedding =
    (Experts::EmbeddingType::dockable && ...) &&
    (std::same_as<typename Experts::EmbeddingType,
                  typename detail::first_of<Experts...>::EmbeddingType> &&
     ...);

/// Experts that can be merged.
template <class... Experts>
concept CanDock =
    AtLeastOneExpert<Experts...> && OneBackend<Experts...> && OneDockableEmbedding<Experts...>;

/// The role of a rule of docking among the parts of an ensemble.
struct DockingRole;

/// For control experiments: `Ensemble<SameVocabulary, Expert, Expert>` merges experts of whatever
/// embedding that have nothing in common but tokens, ids and merges. Where embeddings were learned
/// apart, nothing holds such a merge together, which is what the experiment shows. The result is no
/// kind that docks.
struct SameVocabulary {
  using Role = DockingRole;
  static constexpr bool dockable = false;
};

/// The rule of docking: substrates are equal, or the smaller one is an ancestor of the larger.
struct SameSubstrate {
  using Role = DockingRole;
};

/// Throws MismatchError, which says what differs, unless experts on the two may be merged. `who`
/// begins the sentence.
inline void check_docking(SameSubstrate, char const* who, Substrate const& a, Substrate const& b) {
  if (!a.docks_with(b))
    throw MismatchError(
        message(who, ": the experts stand on different substrates: ", difference(a, b)));
}
inline void check_docking(SameVocabulary, char const* who, Substrate const& a, Substrate const& b) {
  if (a.vocabulary() != b.vocabulary())
    throw MismatchError(message(who, ": the experts speak different vocabularies: ",
                                detail::vocabulary_difference(a.vocabulary(), b.vocabulary())));
}

/// The smaller of two docked substrates: the one whose vocabulary both experts speak.
[[nodiscard]] inline Substrate const& common_substrate(Substrate const& a, Substrate const& b) {
  return b.vocabulary_size() < a.vocabulary_size() ? b : a;
}

ACCRETE_END_NAMESPACE
