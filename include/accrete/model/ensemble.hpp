/// Experts trained apart on one substrate, merged by averaging their logits.
#pragma once

#include <concepts>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <accrete/concepts/language_model.hpp>
#include <accrete/model/decoder.hpp>
#include <accrete/model/docking.hpp>
#include <accrete/model/token_ids.hpp>

ACCRETE_BEGIN_NAMESPACE

/// logits = mean over experts of their logits: a classifier whose terms are the experts' terms, scaled by 1/E.
///
/// "Growing Transformers" (Bochkov, arXiv 2507.07129): experts on one frozen embedding share an interface, so no part
/// of them changes. They may differ in width, depth and policies. An ensemble is a language model: it scores, trains
/// what its experts leave trainable, decodes, and may itself be an expert.
///
/// Where experts stand on a substrate and on others that extend it, the ensemble stands on the
/// ancestor: the tokens that only some experts know are refused as input and have no logits.
///
/// `Rule` is SameSubstrate or SameVocabulary; users write `Ensemble`.
template <class Rule, Trainable... Experts>
class BasicEnsemble {
  using First = detail::first_of<Experts...>;

 public:
  using Backend = typename First::Backend;
  using EmbeddingType = std::conditional_t<std::same_as<Rule, SameSubstrate>,
                                           typename First::EmbeddingType, SameVocabulary>;
  static constexpr std::size_t term_count = (0 + ... + Experts::term_count);

  /// One session for each expert.
  class Session {
   public:
    /// Throws MismatchError where an expert has grown onto a substrate that does not dock.
    Session(BasicEnsemble const& ensemble, SessionPlan plan)
        : sessions_(sessions_of(ensemble, plan)) {}

    template <std::size_t I>
    [[nodiscard]] auto& expert() {
      return std::get<I>(sessions_);
    }
    template <std::size_t I>
    [[nodiscard]] auto const& expert() const {
      return std::get<I>(sessions_);
    }
    [[nodiscard]] SessionPlan const& plan() const { return expert<0>().plan(); }
    [[nodiscard]] Index batch() const { return expert<0>().batch(); }
    [[nodiscard]] Index time() const { return expert<0>().time(); }
    [[nodiscard]] Index position(Index row) const { return expert<0>().position(row); }
    void rewind(Index row, Index position) {
      std::apply([&](auto&... sessions) { (sessions.rewind(row, position), ...); }, sessions_);
    }

   private:
    using Sessions = std::tuple<typename Experts::Session...>;

    static Sessions sessions_of(BasicEnsemble const& ensemble, SessionPlan plan) {
      ensemble.check_substrates();
      return std::apply(
          [&](auto const&... experts) {
            return Sessions(typename Experts::Session(experts, plan)...);
          },
          ensemble.experts_);
    }

    Sessions sessions_;
  };

  /// Throws MismatchError, which says what differs, unless one expert's substrate is that of all others or an ancestor.
  explicit BasicEnsemble(Experts&&... experts) : experts_(std::move(experts)...) {
    check_substrates();
  }

  template <std::size_t I>
  [[nodiscard]] auto& expert() {
    return std::get<I>(experts_);
  }
  template <std::size_t I>
  [[nodiscard]] auto const& expert() const {
    return std::get<I>(experts_);
  }
  /// That of the experts' common vocabulary.
  [[nodiscard]] Substrate const& substrate() const {
    Substrate const* common = &expert<0>().substrate();
    for_each(
        [&]<std::size_t I>() { common = &common_substrate(*common, expert<I>().substrate()); });
    return *common;
  }
  [[nodiscard]] Backend const& backend() const { return expert<0>().backend(); }
  [[nodiscard]] Json describe() const {
    Json json = Json::object();
    json["type"] = Json("ensemble");
    json["fusion"] = Json("mean of logits");
    Json experts = Json::array();
    for_each([&]<std::size_t I>() {
      Json description = expert<I>().describe();
      if (expert<I>().substrate() != substrate())
        description["substrate"] = expert<I>().substrate().fingerprint();
      experts.push_back(std::move(description));
    });
    json["experts"] = std::move(experts);
    return json;
  }
  [[nodiscard]] Json structure() const {
    Json experts = Json::array();
    for_each([&]<std::size_t I>() { experts.push_back(expert<I>().structure()); });
    Json json = Json::object();
    json["experts"] = std::move(experts);
    return json;
  }
  template <class F>
  void check_structure(Json const& saved, F&& f) const {
    auto const& experts = saved.at("experts").as_array();
    if (experts.size() != sizeof...(Experts))
      throw MismatchError(message("ensemble: the file holds ", experts.size(),
                                  " experts, this model ", sizeof...(Experts)));
    for_each([&]<std::size_t I>() {
      expert<I>().check_structure(experts[I], [&](std::string const& name, auto const& parameter) {
        f(prefix_of(I) + name, parameter);
      });
    });
  }
  void restore_structure(Json const& saved) {
    check_structure(saved, [](std::string const&, auto const&) {});
    auto const& experts = saved.at("experts").as_array();
    for_each([&]<std::size_t I>() { expert<I>().restore_structure(experts[I]); });
  }
  [[nodiscard]] ModelStamp stamp() const {
    Index revisions = 0;
    for_each([&]<std::size_t I>() { revisions += expert<I>().stamp().revision; });
    return {number_.value(), revisions};
  }

  /// Calls f(prefix, segment) for every segment of every expert, prefixed "experts.0." and so on.
  template <class F>
  void for_each_segment(F&& f) {
    for_each([&]<std::size_t I>() {
      expert<I>().for_each_segment(
          [&](std::string const& prefix, auto& segment) { f(prefix_of(I) + prefix, segment); });
    });
  }

  /// Throws ValueError for an id that not all experts know.
  void forward(Session& session, View<Backend, TokenId const, 2> ids) const {
    check_token_ids("ensemble", ids, substrate().vocabulary_size());
    for_each([&]<std::size_t I>() { expert<I>().forward(session.template expert<I>(), ids); });
  }
  [[nodiscard]] TermsOf<BasicEnsemble> classifier(Session const& session) const {
    TermsOf<BasicEnsemble> terms;
    std::size_t next = 0;
    Index const common = substrate().vocabulary_size();
    for_each([&]<std::size_t I>() {
      for (auto term : expert<I>().classifier(session.template expert<I>())) {
        term.scale /= sizeof...(Experts);
        term.weight = term.weight.slice(0, common);
        if (!term.bias.empty()) term.bias = term.bias.slice(0, common);
        terms[next++] = term;
      }
    });
    return terms;
  }
  [[nodiscard]] TermGradientsOf<BasicEnsemble> classifier_gradients(
      Session const& session, Gradients<Backend> const& gradients) const {
    TermGradientsOf<BasicEnsemble> result;
    std::size_t next = 0;
    Index const common = substrate().vocabulary_size();
    for_each([&]<std::size_t I>() {
      for (auto gradient :
           expert<I>().classifier_gradients(session.template expert<I>(), gradients)) {
        if (!gradient.weight.empty()) gradient.weight = gradient.weight.slice(0, common);
        if (!gradient.bias.empty()) gradient.bias = gradient.bias.slice(0, common);
        result[next++] = gradient;
      }
    });
    return result;
  }
  void backward(Session& session, Gradients<Backend> const& gradients,
                View<Backend, TokenId const, 2> ids) const {
    for_each([&]<std::size_t I>() {
      expert<I>().backward(session.template expert<I>(), gradients, ids);
    });
  }
  void decode_step(Session& session, View<Backend, TokenId const, 2> ids) const {
    check_token_ids("ensemble", ids, substrate().vocabulary_size());
    for_each([&]<std::size_t I>() { expert<I>().decode_step(session.template expert<I>(), ids); });
  }

 private:
  [[nodiscard]] static std::string prefix_of(std::size_t expert) {
    return "experts." + std::to_string(expert) + ".";
  }
  template <class F>
  static void for_each(F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (f.template operator()<I>(), ...);
    }
    (std::index_sequence_for<Experts...>());
  }

  void check_substrates() const {
    Substrate const& common = substrate();
    for_each([&]<std::size_t I>() {
      check_docking(Rule{}, "ensemble", common, expert<I>().substrate());
    });
  }

  std::tuple<Experts...> experts_;
  ModelNumber number_;
};

/// Ensemble<Expert, Other> merges experts that dock; Ensemble<SameVocabulary, Expert, Other> is for
/// control experiments.
template <class... Parts>
requires CanDock<Parts...> || NamesSameVocabulary<Parts...>
class Ensemble : public BasicEnsemble<SameSubstrate, Parts...> {
 public:
  explicit Ensemble(Parts&&... experts)
      : BasicEnsemble<SameSubstrate, Parts...>(std::move(experts)...) {}
};

template <class... Experts>
requires NamesSameVocabulary<SameVocabulary, Experts...>
class Ensemble<SameVocabulary, Experts...> : public BasicEnsemble<SameVocabulary, Experts...> {
 public:
  explicit Ensemble(SameVocabulary, Experts&&... experts)
      : BasicEnsemble<SameVocabulary, Experts...>(std::move(experts)...) {}
};

template <class... Parts>
Ensemble(Parts&&...) -> Ensemble<std::remove_cvref_t<Parts>...>;

ACCRETE_END_NAMESPACE
