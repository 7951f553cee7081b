/// What holds the experts of an ensemble and their sessions: a tuple of types, or a list of one type.
#pragma once

#include <array>
#include <tuple>
#include <utility>
#include <vector>

#include <accrete/concepts/language_model.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Whether the terms of a model have scales per token already.
template <class Model>
inline constexpr bool scales_tokens = false;
template <class Model>
requires Model::scales_tokens inline constexpr bool scales_tokens<Model> = true;

/// Terms of all experts, one after the other: as many as `Count` says, or any number where it is 0.
template <class Term, std::size_t Count>
class TermCollection {
 public:
  using List = std::array<Term, Count>;
  void append(Term const& term) { list_.at(next_++) = term; }
  [[nodiscard]] List const& list() const { return list_; }

 private:
  List list_{};
  std::size_t next_ = 0;
};
template <class Term>
class TermCollection<Term, 0> {
 public:
  using List = std::vector<Term>;
  void append(Term const& term) { list_.push_back(term); }
  [[nodiscard]] List const& list() const { return list_; }

 private:
  List list_;
};

/// A model's number of terms, if it is fixed; else 0.
template <class Model>
inline constexpr std::size_t fixed_term_count = 0;
template <class Model>
requires(Model::term_count >
         0) inline constexpr std::size_t fixed_term_count<Model> = Model::term_count;

/// Experts of types that the compiler knows.
template <class... Experts>
struct ExpertPack;
template <class First, class... Rest>
struct ExpertPack<First, Rest...> {
  using Backend = typename First::Backend;
  using FirstExpert = First;
  using Experts = std::tuple<First, Rest...>;
  using Sessions = std::tuple<typename First::Session, typename Rest::Session...>;
  static constexpr bool have_terms = HasTerms<First> && (HasTerms<Rest> && ...);
  static constexpr bool stage_decoding = StagesDecoding<First> && (StagesDecoding<Rest> && ...);
  static constexpr bool have_token_scales = scales_tokens<First> || (scales_tokens<Rest> || ...);
  static constexpr std::size_t term_count = fixed_term_count<First> > 0 &&
                                                    ((fixed_term_count<Rest> > 0) && ...)
                                                ? (fixed_term_count<First> + ... +
                                                   fixed_term_count<Rest>)
                                                : 0;

  [[nodiscard]] static Index size(Experts const&) { return 1 + sizeof...(Rest); }
  [[nodiscard]] static auto& first(auto& all) { return std::get<0>(all); }
  [[nodiscard]] static Sessions sessions_of(Experts const& experts, SessionPlan const& plan) {
    return std::apply(
        [&](auto const&... each) {
          return Sessions(typename std::remove_cvref_t<decltype(each)>::Session(each, plan)...);
        },
        experts);
  }

  /// Calls f(expert number `number`).
  template <class F>
  static void visit(auto& experts, Index number, F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((static_cast<Index>(I) == number ? static_cast<void>(f(std::get<I>(experts)))
                                        : static_cast<void>(0)),
       ...);
    }
    (std::index_sequence_for<First, Rest...>());
  }
  /// Calls f(expert, its session).
  template <class F>
  static void visit(auto& experts, auto& sessions, Index number, F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((static_cast<Index>(I) == number
            ? static_cast<void>(f(std::get<I>(experts), std::get<I>(sessions)))
            : static_cast<void>(0)),
       ...);
    }
    (std::index_sequence_for<First, Rest...>());
  }
};

/// Experts of one type, as many as the running program wants.
template <class Expert>
struct ExpertVector {
  using Backend = typename Expert::Backend;
  using FirstExpert = Expert;
  using Experts = std::vector<Expert>;
  using Sessions = std::vector<typename Expert::Session>;
  static constexpr bool have_terms = HasTerms<Expert>;
  static constexpr bool stage_decoding = StagesDecoding<Expert>;
  static constexpr bool have_token_scales = scales_tokens<Expert>;
  static constexpr std::size_t term_count = 0;

  [[nodiscard]] static Index size(Experts const& experts) {
    return static_cast<Index>(experts.size());
  }
  [[nodiscard]] static auto& first(auto& all) { return all.front(); }
  [[nodiscard]] static Sessions sessions_of(Experts const& experts, SessionPlan const& plan) {
    Sessions sessions;
    sessions.reserve(experts.size());
    for (Expert const& expert : experts) sessions.emplace_back(expert, plan);
    return sessions;
  }

  template <class F>
  static void visit(auto& experts, Index number, F&& f) {
    f(experts[static_cast<std::size_t>(number)]);
  }
  template <class F>
  static void visit(auto& experts, auto& sessions, Index number, F&& f) {
    f(experts[static_cast<std::size_t>(number)], sessions[static_cast<std::size_t>(number)]);
  }
};

/// Classifiers and their gradients as far as the first `vocabulary` tokens go.
template <class Terms>
[[nodiscard]] Terms first_tokens(Terms terms, Index vocabulary) {
  if constexpr (requires { terms.begin()->weight; })
    for (auto& term : terms) {
      if (!term.weight.empty()) term.weight = term.weight.slice(0, vocabulary);
      if (!term.bias.empty()) term.bias = term.bias.slice(0, vocabulary);
    }
  return terms;
}

/// Calls f(hidden states, or their gradient) for all that a classifier starts from.
template <class Terms, class F>
void for_each_hidden(Terms const& terms, F&& f) {
  if constexpr (requires { terms.begin()->hidden; })
    for (auto const& term : terms) f(term.hidden);
  else
    terms.for_each_hidden(f);
}

/// Whether any gradient of a classifier is asked for.
template <class Terms>
[[nodiscard]] bool any_wanted(Terms const& gradients) {
  if constexpr (requires { gradients.begin()->weight; }) {
    for (auto const& gradient : gradients)
      if (!gradient.hidden.empty() || !gradient.weight.empty() || !gradient.bias.empty())
        return true;
    return false;
  } else {
    return gradients.any_wanted();
  }
}

/// The parameters of a model's body; 0 for a model that does not tell.
template <class Model>
[[nodiscard]] Index body_parameters(Model const& model) {
  Index count = 0;
  if constexpr (requires { model.body_parameters(); }) {
    count = model.body_parameters();
  } else if constexpr (requires { model.body().for_each_segment(AnyVisitor{}); }) {
    model.body().for_each_segment([&](auto const& segment) { count += segment.parameter_count(); });
  }
  return count;
}

}  // namespace detail

/// All experts of a holder have the parts of `decode_step`.
template <class Holder>
concept StagesExperts = Holder::stage_decoding;

ACCRETE_END_NAMESPACE
