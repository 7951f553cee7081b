/// What ensembles of a fixed set of experts and of a list of them have in common. Users write Ensemble or ExpertList.
#pragma once

#include <algorithm>
#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include <accrete/concepts/language_model.hpp>
#include <accrete/model/docking.hpp>
#include <accrete/model/expert_holder.hpp>
#include <accrete/model/fusion.hpp>
#include <accrete/model/token_ids.hpp>
#include <accrete/nn/segment.hpp>
#include <accrete/ops/scaled_rows.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A language model made of experts and a fusion. `Holder` is detail::ExpertPack or detail::ExpertVector, `Rule` is
/// SameSubstrate or SameVocabulary.
template <class Holder, class Rule, class FusionType>
class BasicEnsemble {
 public:
  using Backend = typename Holder::Backend;
  using Fusion = FusionType;
  using FusionLayer = typename Fusion::template Layer<Backend>;
  using EmbeddingType = std::conditional_t<std::same_as<Rule, SameSubstrate>,
                                           typename Holder::FirstExpert::EmbeddingType, Rule>;

  /// Whether the fusion gives each token a scale of its own.
  static constexpr bool scales_tokens = ReadsHiddenStates<FusionLayer> || Holder::have_token_scales;
  /// Whether the classifier is the list of all experts' terms, with other scales. Else logits are computed expert by
  /// expert and combined, for few tokens at once.
  static constexpr bool lists_terms =
      WeighsExperts<FusionLayer> && Holder::have_terms &&
      !(ReadsHiddenStates<FusionLayer> && Holder::have_token_scales);

 private:
  using Term = ClassifierTerm<Backend>;
  using TermGradient = ClassifierTermGradient<Backend>;
  using Terms = detail::TermCollection<Term, Holder::term_count>;
  using TermGradients = detail::TermCollection<TermGradient, Holder::term_count>;

  struct State {
    typename FusionLayer::State fusion;
    View<Backend, Element, 2> expert_logits;  // (n,V), unless the classifier is a list of terms
  };

 public:
  /// One session for each expert, and the fusion's memory.
  class Session {
   public:
    /// Throws MismatchError where an expert has grown onto a substrate that does not dock.
    Session(BasicEnsemble const& ensemble, SessionPlan plan);

    template <std::size_t I>
    [[nodiscard]] auto& expert() {
      return std::get<I>(sessions_);
    }
    template <std::size_t I>
    [[nodiscard]] auto const& expert() const {
      return std::get<I>(sessions_);
    }
    [[nodiscard]] SessionPlan const& plan() const { return Holder::first(sessions_).plan(); }
    [[nodiscard]] Index batch() const { return batch_; }
    [[nodiscard]] Index time() const { return time_; }
    [[nodiscard]] Index position(Index row) const { return Holder::first(sessions_).position(row); }
    void rewind(Index row, Index position);

   private:
    friend class BasicEnsemble;
    /// Plans the fusion's memory for a call with B = batch and T = time.
    void begin(BasicEnsemble const& ensemble, Index batch, Index time);

    typename Holder::Sessions sessions_;
    ModelStamp own_stamp_;
    Index largest_body_ = 0;
    Index batch_ = 0, time_ = 0;
    Workspace<Backend> workspace_;
    State state_{};
  };

  /// Computes the logits expert by expert and lets the fusion combine them.
  class FusedClassifier {
   public:
    /// Where the gradients of all experts' classifiers and of the fusion go.
    class GradientsType {
     public:
      GradientsType(BasicEnsemble const& ensemble, Session const& session,
                    Gradients<Backend> const& gradients)
          : ensemble_(&ensemble), session_(&session), gradients_(&gradients) {}
      [[nodiscard]] Gradients<Backend> const& parameters() const { return *gradients_; }
      [[nodiscard]] bool any_wanted() const;
      template <class F>
      void for_each_hidden(F&& f) const;

     private:
      BasicEnsemble const* ensemble_;
      Session const* session_;
      Gradients<Backend> const* gradients_;
    };

    FusedClassifier(BasicEnsemble const& ensemble, Session const& session)
        : ensemble_(&ensemble), session_(&session) {}
    [[nodiscard]] Index most_tokens() const;
    void logits(Backend const& backend, Index begin, View<Backend, Element, 2> logits) const;
    void backward(Backend const& backend, GradientsType const& gradients, Index begin,
                  View<Backend, Element const, 2> grad_logits) const;
    template <class F>
    void for_each_hidden(F&& f) const;

   private:
    [[nodiscard]] ExpertWeight<Backend> weight(Index expert, Index begin, Index end) const;
    BasicEnsemble const* ensemble_;
    Session const* session_;
  };

  BasicEnsemble(Fusion const& fusion, typename Holder::Experts experts);

  /// Terms of the classifier, if their number is fixed; else 0.
  static constexpr std::size_t term_count = lists_terms ? Holder::term_count : 0;

  /// How many experts there are.
  [[nodiscard]] Index size() const { return Holder::size(experts_); }
  /// Calls f(expert) for expert number `number`.
  template <class F>
  void visit_expert(Index number, F&& f) {
    Holder::visit(experts_, number, f);
  }
  template <class F>
  void visit_expert(Index number, F&& f) const {
    Holder::visit(experts_, number, f);
  }
  /// Calls f(expert, its session).
  template <class F>
  void visit_expert(Index number, Session const& session, F&& f) const {
    Holder::visit(experts_, session.sessions_, number, f);
  }

  [[nodiscard]] FusionLayer& fusion() { return fusion_; }
  [[nodiscard]] FusionLayer const& fusion() const { return fusion_; }
  /// The fusion's own parameters, if it has any.
  [[nodiscard]] Segment<Backend>& fusion_segment() { return fusion_segment_; }
  [[nodiscard]] Segment<Backend> const& fusion_segment() const { return fusion_segment_; }

  /// No expert trains any more: what is left is the fusion.
  void freeze_experts() {
    experts_frozen_ = true;
    ++revision_;
  }

  /// That of the experts' common vocabulary.
  [[nodiscard]] Substrate const& substrate() const;
  [[nodiscard]] Backend const& backend() const { return Holder::first(experts_).backend(); }
  [[nodiscard]] Json describe() const;
  [[nodiscard]] Json structure() const;
  template <class F>
  void check_structure(Json const& saved, F&& f) const;
  void restore_structure(Json const& saved);
  [[nodiscard]] ModelStamp stamp() const;
  /// Parameters of all experts' bodies: what a call computes with before the classifier.
  [[nodiscard]] Index body_parameters() const;

  /// Calls f(prefix, segment) for every segment of every expert, prefixed "experts.0." and so on, and for the fusion's.
  template <class F>
  void for_each_segment(F&& f);

  /// Throws ValueError for an id that not all experts know. Experts run side by side where each of them alone has too
  /// little to do for all threads; the bits are the same.
  void forward(Session& session, HostView<TokenId const, 2> ids) const;
  [[nodiscard]] auto classifier(Session const& session) const;
  [[nodiscard]] auto classifier_gradients(Session const& session,
                                          Gradients<Backend> const& gradients) const;
  void backward(Session& session, Gradients<Backend> const& gradients,
                HostView<TokenId const, 2> ids) const;
  void decode_step(Session& session, HostView<TokenId const, 2> ids) const;
  /// The parts of `decode_step`, where all experts have them.
  void stage_step(Session& session,
                  HostView<TokenId const, 2> ids) const requires StagesExperts<Holder>;
  void run_step(Session& session) const requires StagesExperts<Holder>;
  void finish_step(Session& session) const requires StagesExperts<Holder>;

 protected:
  typename Holder::Experts experts_;

 private:
  /// Below so many products in an expert's body, a call is over before sharing it out has paid.
  static constexpr Index work_of_one_thread = Index{1} << 23;

  [[nodiscard]] static std::string prefix_of(Index expert) {
    return "experts." + std::to_string(expert) + ".";
  }
  template <class F>
  void for_each_expert(F&& f) const {
    for (Index e = 0; e < size(); ++e) visit_expert(e, [&](auto const& expert) { f(e, expert); });
  }
  /// Calls f(expert, its session), for one expert after the other.
  template <class F>
  void for_each_session(Session& session, F&& f) const;
  /// Calls f(expert, its session), for all experts at once or one after the other.
  template <class F>
  void run_experts(Session& session, F&& f) const;
  void check_substrates() const;
  [[nodiscard]] FusionSizes sizes() const;
  [[nodiscard]] State state_for(Workspace<Backend>& workspace, Index batch, Index time,
                                bool training) const;
  /// Gives the fusion the hidden states of the last call.
  void read_hidden_states(Session& session) const;

  ModelNumber number_;
  FusionLayer fusion_;
  Segment<Backend> fusion_segment_;
  Index revision_ = 0;
  bool experts_frozen_ = false;
};

ACCRETE_END_NAMESPACE

#include <accrete/model/ensemble_classifier.hpp>
#include <accrete/model/ensemble_passes.hpp>
#include <accrete/model/ensemble_structure.hpp>
