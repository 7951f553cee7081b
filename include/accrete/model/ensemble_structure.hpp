/// What an ensemble is made of: substrates, descriptions, segments. Include basic_ensemble.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include <accrete/core/random.hpp>
#include <accrete/model/basic_ensemble.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class Holder, class Rule, class Fusion>
BasicEnsemble<Holder, Rule, Fusion>::BasicEnsemble(Fusion const& fusion,
                                                   typename Holder::Experts experts)
    : experts_(std::move(experts)),
      fusion_(fusion, (check_substrates(), sizes())),
      fusion_segment_(backend(), "fusion") {
  fusion_segment_.add(fusion_, "fusion");
  fusion_segment_.allocate();
  fusion_segment_.bind(fusion_, "fusion");
  std::uint64_t seed = 1;
  if constexpr (requires { fusion.seed; }) seed = fusion.seed;
  fusion_segment_.initialize(Random(seed), 1);
  if constexpr (requires { fusion_.start(backend()); }) fusion_.start(backend());
  if constexpr (requires { FusionLayer::trains_by_gradient; })
    fusion_segment_.set_trainable(FusionLayer::trains_by_gradient);
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::check_substrates() const {
  if (size() == 0) throw ValueError("ensemble: expected at least one expert");
  Substrate const& common = substrate();
  for_each_expert([&](Index number, auto const& expert) {
    check_docking(Rule{}, "ensemble", common, expert.substrate());
    if constexpr (!HasTerms<std::remove_cvref_t<decltype(expert)>>)
      if (expert.substrate().vocabulary_size() != common.vocabulary_size())
        throw MismatchError(message("ensemble: expert ", number, " is an ensemble that fuses the ",
                                    "logits of ", expert.substrate().vocabulary_size(),
                                    " tokens together and cannot leave all but ",
                                    common.vocabulary_size(), " away"));
  });
}

template <class Holder, class Rule, class Fusion>
FusionSizes BasicEnsemble<Holder, Rule, Fusion>::sizes() const {
  FusionSizes sizes{.experts = size(), .vocabulary = substrate().vocabulary_size()};
  if constexpr (ReadsHiddenStates<FusionLayer> || CombinesLogits<FusionLayer>)
    for_each_expert([&](Index, auto const& expert) {
      typename std::remove_cvref_t<decltype(expert)>::Session const session(expert, {});
      detail::for_each_hidden(expert.classifier(session),
                              [&](auto hidden) { sizes.widths.push_back(hidden.size(1)); });
    });
  return sizes;
}

template <class Holder, class Rule, class Fusion>
Substrate const& BasicEnsemble<Holder, Rule, Fusion>::substrate() const {
  Substrate const* common = &Holder::first(experts_).substrate();
  for_each_expert(
      [&](Index, auto const& expert) { common = &common_substrate(*common, expert.substrate()); });
  return *common;
}

template <class Holder, class Rule, class Fusion>
Json BasicEnsemble<Holder, Rule, Fusion>::describe() const {
  Json json = Json::object();
  json["type"] = Json("ensemble");
  json["fusion"] = fusion_.describe();
  Json experts = Json::array();
  for_each_expert([&](Index, auto const& expert) {
    Json description = expert.describe();
    if (expert.substrate() != substrate())
      description["substrate"] = expert.substrate().fingerprint();
    experts.push_back(std::move(description));
  });
  json["experts"] = std::move(experts);
  return json;
}

template <class Holder, class Rule, class Fusion>
Json BasicEnsemble<Holder, Rule, Fusion>::structure() const {
  Json experts = Json::array();
  for_each_expert([&](Index, auto const& expert) { experts.push_back(expert.structure()); });
  Json json = Json::object();
  json["experts"] = std::move(experts);
  if (experts_frozen_) json["experts_frozen"] = Json(true);
  return json;
}

template <class Holder, class Rule, class Fusion>
template <class F>
void BasicEnsemble<Holder, Rule, Fusion>::check_structure(Json const& saved, F&& f) const {
  auto const& experts = saved.at("experts").as_array();
  if (static_cast<Index>(experts.size()) != size())
    throw MismatchError(
        message("ensemble: the file holds ", experts.size(), " experts, this model ", size()));
  if (Json const* const frozen = saved.find("experts_frozen")) static_cast<void>(frozen->as_bool());
  for_each_expert([&](Index e, auto const& expert) {
    expert.check_structure(
        experts[static_cast<std::size_t>(e)],
        [&](std::string const& name, auto const& parameter) { f(prefix_of(e) + name, parameter); });
  });
  for_each_parameter(fusion_, fusion_segment_.name(), f);
}

template <class Holder, class Rule, class Fusion>
void BasicEnsemble<Holder, Rule, Fusion>::restore_structure(Json const& saved) {
  check_structure(saved, detail::AnyVisitor{});
  auto const& experts = saved.at("experts").as_array();
  for (Index e = 0; e < size(); ++e)
    visit_expert(
        e, [&](auto& expert) { expert.restore_structure(experts[static_cast<std::size_t>(e)]); });
  Json const* const frozen = saved.find("experts_frozen");
  if (frozen != nullptr && frozen->as_bool() && !experts_frozen_) freeze_experts();
}

template <class Holder, class Rule, class Fusion>
ModelStamp BasicEnsemble<Holder, Rule, Fusion>::stamp() const {
  Index revisions = revision_;
  for_each_expert([&](Index, auto const& expert) { revisions += expert.stamp().revision; });
  return {number_.value(), revisions};
}

template <class Holder, class Rule, class Fusion>
Index BasicEnsemble<Holder, Rule, Fusion>::body_parameters() const {
  Index count = 0;
  for_each_expert([&](Index, auto const& expert) { count += detail::body_parameters(expert); });
  return count;
}

template <class Holder, class Rule, class Fusion>
template <class F>
void BasicEnsemble<Holder, Rule, Fusion>::for_each_segment(F&& f) {
  for (Index e = 0; e < size(); ++e)
    visit_expert(e, [&](auto& expert) {
      expert.for_each_segment([&](std::string const& prefix, auto& segment) {
        if (experts_frozen_) segment.set_trainable(false);
        f(prefix_of(e) + prefix, segment);
      });
    });
  if (!fusion_segment_.entries().empty()) f(std::string(), fusion_segment_);
}

ACCRETE_END_NAMESPACE
