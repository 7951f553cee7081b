/// Experts trained apart on one substrate, merged into one model.
#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <accrete/model/basic_ensemble.hpp>
#include <accrete/model/decoder.hpp>
#include <accrete/model/fusion/learned_gate.hpp>
#include <accrete/model/fusion/logit_adapter.hpp>
#include <accrete/model/fusion/mean_of_logits.hpp>
#include <accrete/model/fusion/mean_of_probabilities.hpp>
#include <accrete/model/fusion/weighted_mean.hpp>
#include <accrete/nn/policy.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {
template <class Part>
concept EnsemblePolicy =
    std::same_as<typename Part::Role, FusionRole> || std::same_as<typename Part::Role, DockingRole>;

template <class...>
struct TypeList {};

/// Policies stand first; what follows are experts.
template <class Policies, class Parts>
struct SplitParts {
  using PolicyList = Policies;
  using ExpertList = Parts;
};
template <class... Policies, EnsemblePolicy First, class... Rest>
struct SplitParts<TypeList<Policies...>, TypeList<First, Rest...>>
    : SplitParts<TypeList<Policies..., First>, TypeList<Rest...>> {};

template <class Policies, class Experts>
struct MergeOf;
template <class... Policies, class... Experts>
struct MergeOf<TypeList<Policies...>, TypeList<Experts...>> {
  using Rule = policy_for<DockingRole, SameSubstrate, Policies...>;
  using Fusion = policy_for<FusionRole, MeanOfLogits, Policies...>;
  static constexpr bool has_one_policy_per_role = OnePolicyPerRole<Policies...>;
  static constexpr bool experts_dock = std::same_as<Rule, SameSubstrate>
                                           ? CanDock<Experts...>
                                           : AtLeastOneExpert<Experts...> && OneBackend<Experts...>;
  template <class F>
  static constexpr bool fusion_fits =
      FusionPolicy<F, typename detail::first_of<Experts...>::Backend>;
  static constexpr bool experts_train = (Trainable<Experts> && ...);
};

template <class... Parts>
struct PackMerge {
  using Split = SplitParts<TypeList<>, TypeList<Parts...>>;
  using Merge = MergeOf<typename Split::PolicyList, typename Split::ExpertList>;

  template <class>
  struct HolderOf;
  template <class... Experts>
  struct HolderOf<TypeList<Experts...>> {
    using type = ExpertPack<Experts...>;
  };
  using Holder = typename HolderOf<typename Split::ExpertList>::type;
  using Base = BasicEnsemble<Holder, typename Merge::Rule, typename Merge::Fusion>;
};
}  // namespace detail

/// At most one fusion and one rule of docking are named.
template <class Merge>
concept OneFusionAndRule = Merge::has_one_policy_per_role;
/// Experts dock (see docking.hpp), or SameVocabulary is named and they compute on one backend.
template <class Merge>
concept ExpertsDock = Merge::experts_dock;
/// The fusion can be computed on the experts' backend.
template <class Merge>
concept FusionFitsExperts = Merge::template fusion_fits<typename Merge::Fusion>;
template <class Merge>
concept ExpertsTrain = Merge::experts_train;

/// Parts of which an ensemble can be made: policies first, in any order, then experts.
template <class Merge>
concept CanMerge = OneFusionAndRule<Merge> && ExpertsDock<Merge> && FusionFitsExperts<Merge> &&
    ExpertsTrain<Merge>;

namespace detail {
/// Policies are taken as values, experts are moved from.
template <class Part>
struct EnsembleArgument {
  using type = Part&&;
};
template <EnsemblePolicy Part>
struct EnsembleArgument<Part> {
  using type = Part;
};

template <class Fusion, class... Parts>
[[nodiscard]] Fusion fusion_among(Parts const&... parts) {
  Fusion fusion{};
  [[maybe_unused]] auto const take = [&](auto const& part) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(part)>, Fusion>) fusion = part;
  };
  (take(parts), ...);
  return fusion;
}

template <class Part>
[[nodiscard]] auto expert_or_nothing(Part& part) {
  if constexpr (EnsemblePolicy<Part>)
    return std::tuple<>();
  else
    return std::tuple<Part>(std::move(part));
}
}  // namespace detail

/// Ensemble<Expert, Other> gives the mean of the experts' logits; `Ensemble<LearnedGate, Expert, Other>` names another
/// fusion, `Ensemble<SameVocabulary, ...>` is for control experiments (see docking.hpp).
///
/// "Growing Transformers" (Bochkov, arXiv 2507.07129): experts on one frozen embedding share an interface, so no part
/// of them changes. They may differ in width, depth, policies and growth. An ensemble is a language model: it scores,
/// trains what its experts leave trainable and what its fusion has, decodes, and may itself be an expert. An ensemble
/// of one is that expert.
///
/// Where experts stand on a substrate and on others that extend it, the ensemble stands on the
/// ancestor: the tokens that only some experts know are refused as input and have no logits.
///
///     Ensemble merged{WeightedMean{{0.7, 0.3}}, std::move(russian), std::move(chinese)};
template <class... Parts>
requires CanMerge<typename detail::PackMerge<Parts...>::Merge>
class Ensemble : public detail::PackMerge<Parts...>::Base {
  using Base = typename detail::PackMerge<Parts...>::Base;

 public:
  /// Throws MismatchError, which says what differs, unless one expert's substrate is that of all others or an ancestor.
  explicit Ensemble(typename detail::EnsembleArgument<Parts>::type... parts)
      : Base(detail::fusion_among<typename Base::Fusion>(parts...),
             std::tuple_cat(detail::expert_or_nothing<Parts>(parts)...)) {}

  template <std::size_t I>
  [[nodiscard]] auto& expert() {
    return std::get<I>(this->experts_);
  }
  template <std::size_t I>
  [[nodiscard]] auto const& expert() const {
    return std::get<I>(this->experts_);
  }
};

template <class... Parts>
Ensemble(Parts&&...) -> Ensemble<std::remove_cvref_t<Parts>...>;

/// The run-time counterpart: any number of experts of one type, with the bits of the ensemble that names them one by
/// one. Policies follow the list:
///
///     ExpertList merged{std::move(experts), LearnedGate{}};
template <class Expert, class... Policies>
requires(detail::EnsemblePolicy<Policies>&&...) &&
    CanMerge<
        detail::MergeOf<detail::TypeList<Policies...>, detail::TypeList<Expert>>> class ExpertList
    : public BasicEnsemble<detail::ExpertVector<Expert>,
                           policy_for<DockingRole, SameSubstrate, Policies...>,
                           policy_for<FusionRole, MeanOfLogits, Policies...>> {
  using Base = BasicEnsemble<detail::ExpertVector<Expert>,
                             policy_for<DockingRole, SameSubstrate, Policies...>,
                             policy_for<FusionRole, MeanOfLogits, Policies...>>;

 public:
  /// Throws ValueError for an empty list, MismatchError like Ensemble.
  explicit ExpertList(std::vector<Expert> experts, Policies... policies)
      : Base(detail::fusion_among<typename Base::Fusion>(policies...), std::move(experts)) {}

  /// Throws std::out_of_range.
  [[nodiscard]] Expert& expert(Index number) {
    return this->experts_.at(static_cast<std::size_t>(number));
  }
  [[nodiscard]] Expert const& expert(Index number) const {
    return this->experts_.at(static_cast<std::size_t>(number));
  }
};

ACCRETE_END_NAMESPACE
