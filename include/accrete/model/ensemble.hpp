/// Experts trained apart on one substrate, merged by averaging their logits.
#pragma once

#include <concepts>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <accrete/concepts/language_model.hpp>
#include <accrete/model/decoder.hpp>
#include <accrete/substrate/substrate_difference.hpp>

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

/// logits = mean over experts of their logits: a classifier whose terms are the experts' terms, scaled by 1/E.
///
/// "Growing Transformers" (Bochkov, arXiv 2507.07129): experts on one frozen embedding share an interface, so no part
/// of them changes. They may differ in width, depth and policies. An ensemble is a language model: it scores, trains
/// what its experts leave trainable, decodes, and may itself be an expert.
template <Trainable... Experts>
requires CanDock<Experts...>
class Ensemble {
  using First = detail::first_of<Experts...>;

 public:
  using Backend = typename First::Backend;
  using EmbeddingType = typename First::EmbeddingType;
  static constexpr std::size_t term_count = (0 + ... + Experts::term_count);

  /// One session for each expert.
  class Session {
   public:
    Session(Ensemble const& ensemble, SessionPlan plan)
        : sessions_(std::apply(
              [&](auto const&... experts) {
                return std::tuple<typename Experts::Session...>(
                    typename Experts::Session(experts, plan)...);
              },
              ensemble.experts_)) {}

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
    std::tuple<typename Experts::Session...> sessions_;
  };

  /// Throws MismatchError, which says what differs, unless all experts stand on one substrate.
  explicit Ensemble(Experts&&... experts) : experts_(std::move(experts)...) {
    std::apply([](auto const&... all) { check_substrates(all...); }, experts_);
  }

  template <std::size_t I>
  [[nodiscard]] auto& expert() {
    return std::get<I>(experts_);
  }
  template <std::size_t I>
  [[nodiscard]] auto const& expert() const {
    return std::get<I>(experts_);
  }
  [[nodiscard]] Substrate const& substrate() const { return expert<0>().substrate(); }
  [[nodiscard]] Backend const& backend() const { return expert<0>().backend(); }
  [[nodiscard]] Json describe() const {
    Json json = Json::object();
    json["type"] = Json("ensemble");
    json["fusion"] = Json("mean of logits");
    Json experts = Json::array();
    for_each([&]<std::size_t I>() { experts.push_back(expert<I>().describe()); });
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

  void forward(Session& session, View<Backend, TokenId const, 2> ids) const {
    for_each([&]<std::size_t I>() { expert<I>().forward(session.template expert<I>(), ids); });
  }
  [[nodiscard]] TermsOf<Ensemble> classifier(Session const& session) const {
    TermsOf<Ensemble> terms;
    std::size_t next = 0;
    for_each([&]<std::size_t I>() {
      for (auto term : expert<I>().classifier(session.template expert<I>())) {
        term.scale /= sizeof...(Experts);
        terms[next++] = term;
      }
    });
    return terms;
  }
  [[nodiscard]] TermGradientsOf<Ensemble> classifier_gradients(
      Session const& session, Gradients<Backend> const& gradients) const {
    TermGradientsOf<Ensemble> result;
    std::size_t next = 0;
    for_each([&]<std::size_t I>() {
      for (auto const& gradient :
           expert<I>().classifier_gradients(session.template expert<I>(), gradients))
        result[next++] = gradient;
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

  template <class Reference, class... Others>
  static void check_substrates(Reference const& reference, Others const&... others) {
    [[maybe_unused]] auto const check = [&](Substrate const& other) {
      if (other.fingerprint() != reference.substrate().fingerprint())
        throw MismatchError(message("ensemble: the experts stand on different substrates: ",
                                    difference(reference.substrate(), other)));
    };
    (check(others.substrate()), ...);
  }

  std::tuple<Experts...> experts_;
  ModelNumber number_;
};

template <class... Experts>
Ensemble(Experts&&...) -> Ensemble<std::remove_cvref_t<Experts>...>;

ACCRETE_END_NAMESPACE
