#include "model_cases.hpp"

#include <string_view>

#include "blank_substrate.hpp"
#include "machine.hpp"
#include "random_batches.hpp"

namespace bench {
namespace {

using namespace accrete;

struct Size {
  char const* name;
  Index vocabulary, model_dim, heads, layers, time, batch;
};
constexpr Size sizes[] = {{"S", 8192, 256, 8, 6, 256, 8}, {"M", 65536, 1024, 32, 9, 256, 2}};
constexpr Index active_blocks = 3, prompt_tokens = 32, new_tokens = 64;

using Model =
    Decoder<LearnedEmbedding, Growable<Stack<TransformerBlock<dynamic_block, CpuBackend>>>>;

RandomBatches random_batches(Size const& size) {
  return {size.vocabulary, size.batch, size.time};
}

/// Few tokens, the same ones again and again.
Batches repeated_batches(Size const& size) {
  RandomBatches random = random_batches(size);
  auto const count = static_cast<std::size_t>(2 * size.batch * size.time);
  std::vector<TokenId> tokens(count + 1), unused;
  random.next(tokens, unused);
  return {std::move(tokens), {.batch = size.batch, .time = size.time}};
}

/// Products alone; attention counted dense over T; backward costs twice its forward. Decoding: the weights, once.
double flop_per_token(Size const& size, std::string_view kind) {
  auto const width = static_cast<double>(size.model_dim);
  auto const layers = static_cast<double>(size.layers);
  double const head = 2 * static_cast<double>(size.vocabulary) * width;
  double const block = 24 * width * width;
  if (kind == "decode") return layers * block + head;
  double const dense = block + 4 * static_cast<double>(size.time) * width;
  double const trained = kind == "full" ? layers : kind == "forward" ? 0 : double{active_blocks};
  double const computed = kind == "cached" ? trained : layers;
  return computed * dense + head + 2 * (trained * dense + (kind == "forward" ? 0 : head));
}

/// Seconds of each repeat and the tokens that one repeat handles.
struct Timing {
  std::vector<double> seconds;
  Index tokens;
};

Timing time_training(Model& model, Size const& size, int repeats) {
  RandomBatches batches = random_batches(size);
  Trainer trainer{model, AdamW{}};
  return {time_samples(repeats, [&] { trainer.step(batches); }), size.batch * size.time};
}

/// Growth whose frozen blocks see the same tokens again: every sequence is found in the cache.
Timing time_cached_training(Model& model, Size const& size, int repeats) {
  auto batches = repeated_batches(size);
  Trainer trainer{model, AdamW{}, {.prefix_cache = PrefixCacheOptions{}}};
  for (int epoch = 0; epoch < 2; ++epoch) trainer.step(batches);
  return {time_samples(repeats, [&] { trainer.step(batches); }), size.batch * size.time};
}

Timing time_forward(Model const& model, Size const& size, int repeats) {
  RandomBatches batches = random_batches(size);
  Index const tokens = size.batch * size.time;
  std::vector<TokenId> inputs(static_cast<std::size_t>(tokens)), targets(inputs.size());
  batches.next(inputs, targets);
  Model::Session session(model, {.batch = size.batch, .time = size.time});
  LossScratch<CpuBackend> scratch(model.backend(), tokens, size.vocabulary);
  return {time_samples(repeats,
                       [&] {
                         model.forward(session, {inputs.data(), {size.batch, size.time}});
                         auto const terms = model.classifier(session);
                         Index const chunk = scratch.logits().size(0);
                         for (Index begin = 0; begin < tokens; begin += chunk)
                           classifier_logits<CpuBackend>(
                               model.backend(), terms, begin,
                               scratch.logits().slice(0, std::min(chunk, tokens - begin)));
                       }),
          tokens};
}

Timing time_decoding(Model const& model, Size const& size, int repeats) {
  std::vector<TokenId> prompt(prompt_tokens);
  for (std::size_t i = 0; i < prompt.size(); ++i)
    prompt[i] = static_cast<TokenId>(i * 997 % static_cast<std::size_t>(size.vocabulary));
  GenerateOptions const options{
      .max_tokens = new_tokens, .sampling = {.temperature = 0}, .stop_at_end = false};
  return {time_samples(repeats,
                       [&] {
                         auto const made = generate_tokens(model, {prompt}, options);
                         if (static_cast<Index>(made[0].size()) != new_tokens)
                           throw Error("benchmark: decoding ended early");
                       }),
          new_tokens};
}

}  // namespace

std::vector<std::string> model_cases() {
  std::vector<std::string> names;
  for (auto const& size : sizes)
    for (char const* kind : {"full", "growth", "forward", "decode"})
      names.push_back(std::string(size.name) + "-" + kind);
  return names;
}

std::vector<std::string> frozen_cases() {
  std::vector<std::string> names;
  for (char const* depth : {"3", "6", "12", "24"})
    for (char const* kind : {"frozen", "cached"})
      names.push_back(std::string("S-") + kind + "-" + depth);
  return names;
}

Json run_model_case(std::string const& name, int repeats, int threads, double peak_flops) {
  auto const found = std::find_if(std::begin(sizes), std::end(sizes),
                                  [&](Size const& size) { return name.starts_with(size.name); });
  if (found == std::end(sizes)) throw ValueError("benchmark: no case is called " + name);
  Size size = *found;
  std::string kind = name.substr(2);
  if (auto const dash = kind.find('-'); dash != std::string::npos) {
    size.layers = std::stol(kind.substr(dash + 1)) + active_blocks;
    kind.resize(dash);
  }

  CpuBackend const cpu(threads);
  Model model{cpu,
              blank_substrate(size.vocabulary),
              {.planned_depth = size.layers,
               .block = {.model_dim = size.model_dim,
                         .head_count = size.heads,
                         .hidden_dim = 4 * size.model_dim}}};
  if (kind == "growth" || kind == "frozen" || kind == "cached") {
    if (size.layers > active_blocks) model.body().grow(size.layers - active_blocks);
    model.body().grow(active_blocks);
  } else {
    model.body().grow(size.layers);
  }
  Timing const timing = kind == "forward"  ? time_forward(model, size, repeats)
                        : kind == "decode" ? time_decoding(model, size, repeats)
                        : kind == "cached" ? time_cached_training(model, size, repeats)
                                           : time_training(model, size, repeats);

  double const speed = static_cast<double>(timing.tokens) / median(timing.seconds);
  double const flops = speed * flop_per_token(size, kind);
  double const memory = accrete::peak_memory_mib();
  double floor_fraction = flops / peak_flops;
  if (kind == "decode") {
    // A step reads every weight once, 4 bytes for 2 operations, from the cache if they fit.
    double const bytes = 2 * flop_per_token(size, kind);
    floor_fraction = speed * bytes / measure_read_bandwidth(cpu.pool(), static_cast<Index>(bytes));
  }
  Json samples = Json::array();
  for (double const seconds : timing.seconds)
    samples.push_back(Json(static_cast<double>(timing.tokens) / seconds));
  Json json = Json::object();
  json["case"] = Json(name);
  json["tokens_per_second"] = Json(speed);
  json["samples"] = std::move(samples);
  json["gflops"] = Json(flops / 1e9);
  json["floor"] = Json(kind == "decode" ? "read bandwidth" : "fma peak");
  json["floor_fraction"] = Json(floor_fraction);
  json["vm_hwm_mib"] = Json(memory);
  json["engine"] = Json(cpu.description());
  return json;
}

}  // namespace bench
