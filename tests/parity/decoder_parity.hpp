/// Compares a decoder with a reference file made by tests/golden/make_decoder_reference.py: logits, loss, gradients,
/// 20 steps of AdamW, growth training, adapters and the ensemble.
///
/// It is written as a user would write it: the embedding table of the file comes in through an embedding policy of our
/// own, defined outside of the library.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/accrete.hpp>
#include <accrete/memory/repeated_work.hpp>

namespace parity {

using accrete::BlockConfig;
using accrete::Index;
using accrete::TokenId;
using accrete::View;

/// The file and its sizes.
struct Reference {
  explicit Reference(std::string const& path) : file(path) {
    vocabulary = size("vocab");
    layers = size("layers");
    tokens = size("tokens");
    batch = size("batch");
    config = {.model_dim = size("d"), .head_count = size("heads"), .hidden_dim = 4 * size("d")};
    ids = file.read_vector<TokenId>("ids");
    targets = file.read_vector<TokenId>("targets");
  }

  [[nodiscard]] Index size(std::string const& key) const {
    auto const found = file.metadata().find(key);
    Index value = 0;
    if (found == file.metadata().end() || std::sscanf(found->second.c_str(), "%ld", &value) != 1 ||
        value < 1 || value > 1'000'000)
      throw accrete::FileError(file.path().string(),
                               "metadata \"" + key + "\" must be a positive number");
    return value;
  }

  /// The tensor of the reference that belongs to one of our parameters, in our layout.
  [[nodiscard]] std::vector<double> tensor(std::string const& prefix, std::string name) const {
    auto const replace = [&](std::string_view ours, std::string_view theirs) {
      if (auto const at = name.find(ours); at != std::string::npos)
        name.replace(at, ours.size(), theirs);
    };
    replace("head.norm", "norm");
    replace("head.linear", "head");
    replace("feed_forward", "mlp");
    replace("attention.out", "attention.o");
    auto const qkv = name.find("qkv");
    if (qkv == std::string::npos) return file.read_vector<double>(prefix + name);
    std::vector<double> rows;  // queries, keys, values one below the other
    for (char const* part : {"q", "k", "v"}) {
      std::string one = name;
      auto const values = file.read_vector<double>(prefix + one.replace(qkv, 3, part));
      rows.insert(rows.end(), values.begin(), values.end());
    }
    return rows;
  }

  accrete::SafetensorsReader file;
  Index vocabulary, layers, tokens, batch;
  BlockConfig config;
  std::vector<TokenId> ids, targets;
};

/// The embedding table of the reference file, in double. A policy gets no arguments but the substrate, so the table
/// stands here.
inline std::vector<double>& given_table() {
  static std::vector<double> table;
  return table;
}

/// A frozen embedding from outside of accrete.
struct GivenEmbedding {
  static constexpr bool dockable = true;

  template <accrete::HasEmbedding B>
  class Layer : public accrete::FrozenTable<B> {
   public:
    Layer(B const& backend, accrete::Substrate const& substrate, Index model_dim)
        : accrete::FrozenTable<B>(backend, std::span<double const>(given_table()),
                                  substrate.vocabulary_size(), model_dim, nullptr) {}
    [[nodiscard]] accrete::Json describe() const { return accrete::Json("given"); }
  };
};

/// One line per check; remembers whether all held.
class Report {
 public:
  Report(std::string title, double bound) : title_(std::move(title)), bound_(bound) {}

  void check(std::string const& name, double error) { line(name, error, bound_); }
  void show(std::string const& name, double error) {
    line(name, error, std::numeric_limits<double>::infinity());
  }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  void line(std::string const& name, double error, double bound) {
    bool const holds = error <= bound;
    ok_ = ok_ && holds;
    if (std::isinf(bound))
      std::printf("%-28s %-52s error %.2e  (no bound)\n", title_.c_str(), name.c_str(), error);
    else
      std::printf("%-28s %-52s error %.2e  bound %.0e  %s\n", title_.c_str(), name.c_str(), error,
                  bound, holds ? "ok" : "FAILED");
  }

  std::string title_;
  double bound_;
  bool ok_ = true;
};

/// max |ours - theirs| / max |theirs|; infinite where one is not finite or the lengths differ.
template <class T>
[[nodiscard]] double error_of(std::span<T const> ours, std::vector<double> const& theirs) {
  if (ours.size() != theirs.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, greatest = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    double const one = std::abs(static_cast<double>(ours[i]) - theirs[i]);
    if (!std::isfinite(one)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, one);
    greatest = std::max(greatest, std::abs(theirs[i]));
  }
  if (greatest == 0) return difference;
  return difference / greatest;
}

/// All checks for one type of block. `bound` is for logits, losses and gradients; parameters after 20 steps have one
/// only where `parameters_are_bound`.
template <accrete::Block Block>
class DecoderParity {
  using Backend = typename Block::Backend;
  using Model = accrete::Decoder<GivenEmbedding, accrete::Growable<accrete::Stack<Block>>>;
  using T = accrete::TypeOf<Backend, accrete::Master>;

 public:
  DecoderParity(Backend backend, Reference const& reference, Report& report,
                bool parameters_are_bound)
      : backend_(std::move(backend)),
        reference_(reference),
        report_(report),
        parameters_are_bound_(parameters_are_bound),
        substrate_(make_substrate()) {
    given_table() = reference.file.read_vector<double>("embedding");
    if (static_cast<Index>(given_table().size()) !=
        reference.vocabulary * reference.config.model_dim)
      throw accrete::FileError(reference.file.path().string(),
                               "tensor embedding is not (vocab, d)");
  }

  void run() {
    {
      Model model = make("param.", {reference_.layers});
      forward_and_gradients(model);
      twenty_steps(model, "adamw.");
    }
    {
      Model model =
          reference_.layers > 1 ? make("param.", {reference_.layers - 1, 1}) : make("param.", {1});
      twenty_steps(model, "growth.");
    }
    adapters();
    ensemble();
  }

 private:
  [[nodiscard]] accrete::Substrate make_substrate() const {
    std::vector<accrete::Token> tokens;
    for (Index v = 0; v < reference_.vocabulary; ++v)
      tokens.push_back({"<token_" + std::to_string(v) + ">", accrete::TokenKind::special});
    std::vector<float> const table(static_cast<std::size_t>(reference_.vocabulary), 0.0F);
    return accrete::Substrate::from_table(accrete::Vocabulary(tokens, {}), table, 1);
  }

  [[nodiscard]] Model make(std::string const& prefix, std::vector<Index> const& stages) const {
    Model model{
        backend_, substrate_, {.planned_depth = reference_.layers, .block = reference_.config}};
    for (Index const stage : stages) model.body().grow(stage);
    model.for_each_segment([&](std::string const&, auto& segment) {
      for (auto const& entry : segment.entries()) {
        auto const values = reference_.tensor(prefix, entry.name);
        if (static_cast<Index>(values.size()) != entry.count)
          throw accrete::FileError(
              reference_.file.path().string(),
              "tensor " + prefix + entry.name + " has another size than the model's");
        fill(segment, entry, values);
      }
    });
    return model;
  }

  static void fill(accrete::Segment<Backend>& segment, accrete::SegmentEntry const& entry,
                   std::vector<double> const& values) {
    segment.fill(entry, [&](std::span<T> own) {
      std::transform(values.begin(), values.end(), own.begin(),
                     [](double value) { return static_cast<T>(value); });
    });
  }
  /// The part of a run of master numbers that belongs to one parameter, on the host.
  template <class Run>
  [[nodiscard]] std::vector<T> part_of(Run run, accrete::SegmentEntry const& entry) const {
    auto const values =
        accrete::host_copy(backend_, run.slice(entry.offset, entry.offset + entry.count));
    return {values.begin(), values.end()};
  }
  [[nodiscard]] accrete::HostView<TokenId const, 2> batch_of(
      std::vector<TokenId> const& tokens) const {
    return {tokens.data(), {reference_.batch, reference_.tokens}};
  }
  [[nodiscard]] accrete::LossScratch<Backend> scratch() const {
    return {backend_, reference_.batch * reference_.tokens, reference_.vocabulary};
  }

  template <class M>
  void check_logits(M const& model, std::string const& name) {
    typename M::Session session{model, {.batch = reference_.batch, .time = reference_.tokens}};
    model.forward(session, batch_of(reference_.ids));
    auto const [memory, logits] = accrete::plan_on(backend_, [&](auto& workspace) {
      return workspace.template tensor<accrete::Element>(reference_.batch * reference_.tokens,
                                                         reference_.vocabulary);
    });
    accrete::classifier_logits<Backend>(backend_, model.classifier(session), 0, logits);
    auto const on_host = accrete::host_copy(backend_, logits);
    report_.check(name + ".logits",
                  error_of(std::span<accrete::TypeOf<Backend, accrete::Element> const>(on_host),
                           reference_.file.read_vector<double>(name + ".logits")));
    check_decoding(model, name);
    auto loss_scratch = scratch();
    auto const loss = accrete::evaluate_loss(model, session, batch_of(reference_.ids),
                                             batch_of(reference_.targets), loss_scratch);
    double const mean = loss.mean();
    report_.check(name + ".loss", error_of(std::span<double const>(&mean, 1),
                                           reference_.file.read_vector<double>(name + ".loss")));
  }

  /// The same logits token by token, by steps that are recorded where the backend records.
  template <class M>
  void check_decoding(M const& model, std::string const& name) {
    Index const batch = reference_.batch, time = reference_.tokens, v = reference_.vocabulary;
    typename M::Session session{model, {.batch = batch, .cache = time}};
    auto const [memory, logits] = accrete::plan_on(backend_, [&](auto& workspace) {
      return workspace.template tensor<accrete::Element>(reference_.batch, reference_.vocabulary);
    });
    accrete::RepeatedWork<Backend> steps;
    std::vector<double> decoded(static_cast<std::size_t>(batch * time * v));
    std::vector<TokenId> ids(static_cast<std::size_t>(batch));
    for (Index t = 0; t < time; ++t) {
      for (Index b = 0; b < batch; ++b)
        ids[static_cast<std::size_t>(b)] = reference_.ids[static_cast<std::size_t>(b * time + t)];
      model.stage_step(session, {ids.data(), {batch, 1}});
      steps.run(backend_, [&, to = logits] {
        model.run_step(session);
        accrete::classifier_logits<Backend>(backend_, model.classifier(session), 0, to);
      });
      model.finish_step(session);
      auto const rows = accrete::host_copy(backend_, logits);
      for (Index b = 0; b < batch; ++b)
        std::transform(rows.begin() + b * v, rows.begin() + (b + 1) * v,
                       decoded.begin() + (b * time + t) * v,
                       [](auto logit) { return static_cast<double>(logit); });
    }
    report_.check(name + ".logits, decoded",
                  error_of(std::span<double const>(decoded),
                           reference_.file.read_vector<double>(name + ".logits")));
  }

  void forward_and_gradients(Model& model) {
    check_logits(model, "out");
    accrete::ActiveSet<Backend> active{model};
    static_cast<void>(loss_and_gradients(model, active));
    for (auto const& segment : active.segments())
      for (auto const& entry : segment.segment->entries())
        report_.check("grad." + entry.name,
                      error_of(std::span<T const>(part_of(segment.gradient, entry)),
                               reference_.tensor("grad.", entry.name)));
  }

  [[nodiscard]] double loss_and_gradients(Model& model, accrete::ActiveSet<Backend>& active) {
    if (!session_ || session_owner_ != model.stamp()) {
      session_.emplace(model,
                       accrete::SessionPlan{
                           .batch = reference_.batch, .time = reference_.tokens, .training = true});
      session_owner_ = model.stamp();
    }
    auto loss_scratch = scratch();
    active.zero_gradients(backend_);
    return accrete::evaluate_loss_and_gradients(
               model, *session_, batch_of(reference_.ids), batch_of(reference_.targets),
               loss_scratch, active.gradients(),
               1.0 / static_cast<double>(reference_.batch * reference_.tokens))
        .mean();
  }

  void twenty_steps(Model& model, std::string const& prefix) {
    accrete::AdamW const optimizer{
        .learning_rate = 1e-3, .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1};
    accrete::ActiveSet<Backend> active{model};
    auto const expected = reference_.file.read_vector<double>(prefix + "losses");
    for (Index step = 0; step <= 20; ++step) {
      double const loss = loss_and_gradients(model, active);
      report_.check(prefix + "losses[" + std::to_string(step) + "]",
                    error_of(std::span<double const>(&loss, 1),
                             {expected.at(static_cast<std::size_t>(step))}));
      if (step < 20) active.step(backend_, optimizer.step(step + 1, 1.0, 1.0));
    }
    model.for_each_segment([&](std::string const&, auto const& segment) {
      for (auto const& entry : segment.entries()) {
        std::string const name = prefix + "param." + entry.name;
        double const error = error_of(std::span<T const>(part_of(segment.values(), entry)),
                                      reference_.tensor(prefix + "param.", entry.name));
        if (parameters_are_bound_)
          report_.check(name, error);
        else
          report_.show(name, error);
      }
    });
  }

  /// Rank 4 and alpha 8 on queries and values of every block; head and final norm train beside them.
  void adapters() {
    constexpr Index rank = 4;
    if (reference_.config.model_dim < rank) return;  // the file's adapters are wider than the model
    Model model = make("param.", {reference_.layers});
    model.body().freeze();
    model.body().add_adapters(
        {.rank = rank, .alpha = 8, .targets = {"attention.query", "attention.value"}});
    model.body().for_each_segment([&](auto& segment) {
      if (segment.name() != "adapters") return;
      for (auto const& entry : segment.entries()) {
        auto const values =
            reference_.file.read_vector<double>("lora." + adapter_tensor(entry.name));
        if (static_cast<Index>(values.size()) != entry.count)
          throw accrete::FileError(
              reference_.file.path().string(),
              "the tensor of " + entry.name + " has another size than the model's");
        fill(segment, entry, values);
      }
    });
    accrete::ActiveSet<Backend> active{model};
    double const loss = loss_and_gradients(model, active);
    report_.check("lora.loss", error_of(std::span<double const>(&loss, 1),
                                        reference_.file.read_vector<double>("lora.loss")));
    for (auto const& one : active.segments()) {
      if (one.segment->name() != "adapters") continue;
      for (auto const& entry : one.segment->entries())
        report_.check("lora.grad." + adapter_tensor(entry.name),
                      error_of(std::span<T const>(part_of(one.gradient, entry)),
                               reference_.file.read_vector<double>("lora.grad." +
                                                                   adapter_tensor(entry.name))));
    }
  }

  /// "blocks.0.attention.query.adapter.down" -> "A.blocks.0.attention.q"
  [[nodiscard]] static std::string adapter_tensor(std::string const& ours) {
    std::string const map = ours.substr(0, ours.find(".adapter."));
    std::string const part = map.substr(0, map.rfind('.') + 2);
    return (ours.ends_with(".down") ? "A." : "B.") + part;
  }

  void ensemble() {
    accrete::Ensemble<Model, Model> const both{make("param.", {reference_.layers}),
                                               make("second.param.", {reference_.layers})};
    check_logits(both, "ensemble");
  }

  Backend backend_;
  Reference const& reference_;
  Report& report_;
  bool parameters_are_bound_;
  accrete::Substrate substrate_;
  std::optional<typename Model::Session> session_;
  accrete::ModelStamp session_owner_{};
};

/// Both backends with blocks whose sizes are `Sizes` (static or dynamic). Returns whether all checks held.
template <BlockConfig Sizes>
[[nodiscard]] bool decoder_parity(Reference const& reference, std::string const& kind) {
  using ReferenceDouble = accrete::ReferenceBackend<double>;
  Report exact("reference double, " + kind, 1e-9);
  DecoderParity<accrete::TransformerBlock<Sizes, ReferenceDouble>>(ReferenceDouble{}, reference,
                                                                   exact, true)
      .run();
  Report fast("cpu float, " + kind, 1e-4);
  DecoderParity<accrete::TransformerBlock<Sizes, accrete::CpuBackend>>(accrete::CpuBackend{},
                                                                       reference, fast, false)
      .run();
  return exact.ok() && fast.ok();
}

}  // namespace parity
