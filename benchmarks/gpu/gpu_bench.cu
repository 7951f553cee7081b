// The CUDA backend in bf16 at the sizes of the published models: one case a process, as one line of JSON.
#include <accrete/cuda.hpp>
#include <array>
#include <boost/program_options.hpp>
#include <iostream>
#include <string>

#include "blank_substrate.hpp"
#include "random_batches.hpp"
#include "timing.hpp"

namespace {

using namespace accrete;
using Gpu = CudaBackendBf16;
using Model = Decoder<FrozenGlyphEmbedding, Growable<Stack<TransformerBlock<dynamic_block, Gpu>>>>;

constexpr Index vocabulary = 65536, model_dim = 1024, heads = 32, layers = 9, active_blocks = 3;
constexpr Index context = 512, new_tokens = 64;
constexpr double flop_per_second = 800e12, bytes_per_second = 3.0e12;  // what the floors assume
Index time_steps = 1024, batch = 64;                                   // --time, --batch

Model make_model(Gpu const& gpu, Index frozen, std::uint64_t seed = 1) {
  Model model{
      gpu,
      bench::blank_substrate(vocabulary),
      {.seed = seed,
       .planned_depth = layers,
       .block = {.model_dim = model_dim, .head_count = heads, .hidden_dim = 4 * model_dim}}};
  if (frozen > 0) model.body().grow(frozen);
  model.body().grow(layers - frozen);
  return model;
}

/// Seconds of each repeat, what one repeat handles, and the least time that it can take.
struct Result {
  std::vector<double> seconds;
  double tokens, floor_seconds;
};

/// FLOPs of products per token; attention counted causal; backward costs twice its forward.
double train_flops(Index computed, Index trained) {
  double const width = model_dim;
  double const head = 2.0 * vocabulary * width;
  double const block = 24 * width * width + 2 * static_cast<double>(time_steps) * width;
  return static_cast<double>(computed) * block + head +
         2 * (static_cast<double>(trained) * block + head);
}

Result time_training(Gpu const& gpu, Index frozen, bool cached, int repeats) {
  Model model = make_model(gpu, frozen);
  double const tokens = static_cast<double>(batch * time_steps);
  Index const trained = layers - frozen;
  double const floor = tokens * train_flops(cached ? trained : layers, trained) / flop_per_second;
  TrainerOptions options;
  if (cached) options.prefix_cache = PrefixCacheOptions{.byte_limit = Index{8} << 30};
  if (!cached) {
    bench::RandomBatches batches(vocabulary, batch, time_steps);
    Trainer trainer{model, AdamW{}, options};
    return {bench::time_samples(repeats, [&] { trainer.step(batches); }), tokens, floor};
  }
  // The same sequences again and again: after two rounds every one is found in the cache.
  std::vector<TokenId> text(static_cast<std::size_t>(2 * batch * time_steps + 1));
  bench::RandomBatches(vocabulary, batch, time_steps).next(text, {});
  Batches batches(std::move(text), {.batch = batch, .time = time_steps});
  Trainer trainer{model, AdamW{}, options};
  for (int round = 0; round < 3; ++round) trainer.step(batches);
  return {bench::time_samples(repeats, [&] { trainer.step(batches); }), tokens, floor};
}

/// Seconds for the tokens around position `context` alone: a run that makes few is taken off one that makes more.
template <class M>
Result time_decoding(M const& model, Index experts, int repeats) {
  constexpr Index few = 8;
  std::vector<TokenId> prompt(static_cast<std::size_t>(context - new_tokens / 2 - few));
  for (std::size_t i = 0; i < prompt.size(); ++i)
    prompt[i] = static_cast<TokenId>(i * 997 % static_cast<std::size_t>(vocabulary));
  auto const generate = [&](Index count) {
    double const begin = bench::seconds_now();
    auto const made = generate_tokens(
        model, {prompt},
        {.max_tokens = count, .sampling = {.temperature = 0}, .stop_at_end = false});
    if (static_cast<Index>(made[0].size()) != count) throw Error("decoding ended early");
    return bench::seconds_now() - begin;
  };
  static_cast<void>(generate(few + new_tokens));
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    double const less = generate(few);
    seconds.push_back(generate(few + new_tokens) - less);
  }
  double const weights =
      static_cast<double>(layers * 12 * model_dim * model_dim + vocabulary * model_dim);
  double const cache = static_cast<double>(layers * context * 2 * model_dim);
  double const bytes = 2 * static_cast<double>(experts) * (weights + cache);
  return {seconds, static_cast<double>(new_tokens),
          static_cast<double>(new_tokens) * bytes / bytes_per_second};
}

/// What the card does at best: copying within its memory, counted as read and written, and a large product.
Json machine(Gpu const& gpu, int repeats) {
  constexpr Index bytes = Index{1} << 30, side = 8192;
  auto const from = gpu.allocate(bytes), to = gpu.allocate(bytes);
  auto const copies = bench::time_samples(repeats, [&] {
    gpu.context().copy_on_device(to.get(), from.get(), bytes);
    gpu.context().synchronize();
  });
  auto const [memory, matrices] = plan_on(gpu, [&](Workspace<Gpu>& workspace) {
    auto const matrix = [&] { return workspace.tensor<Element>(side, side); };
    return std::array{matrix(), matrix(), matrix()};
  });
  auto const products = bench::time_samples(repeats, [&] {
    linear_forward<Gpu>(gpu, matrices[0], matrices[1], {}, matrices[2]);
    gpu.context().synchronize();
  });
  double const count = side;
  return Json::object(
      {{"case", "machine"},
       {"copied_gb_per_second", 2e-9 * static_cast<double>(bytes) / bench::median(copies)},
       {"product_tflop_per_second", 2e-12 * count * count * count / bench::median(products)}});
}

Json run_case(Gpu const& gpu, std::string const& name, int repeats) {
  if (name == "machine") return machine(gpu, repeats);
  Result const result = [&] {
    if (name == "full") return time_training(gpu, 0, false, repeats);
    if (name == "growth") return time_training(gpu, layers - active_blocks, false, repeats);
    if (name == "cached") return time_training(gpu, layers - active_blocks, true, repeats);
    if (name == "decode") return time_decoding(make_model(gpu, 0), 1, repeats);
    if (name == "ensemble")
      return time_decoding(Ensemble<Model, Model>{make_model(gpu, 0, 1), make_model(gpu, 0, 2)}, 2,
                           repeats);
    throw ValueError(message("no case is called ", name,
                             ": there are machine, full, growth, cached, decode and ensemble"));
  }();
  double const seconds = bench::median(result.seconds);
  return Json::object({{"case", name},
                       {"tokens_per_second", result.tokens / seconds},
                       {"of_the_floor", result.floor_seconds / seconds}});
}

int run(int argument_count, char** arguments) {
  namespace options = boost::program_options;
  std::string name;
  int repeats = 5;
  bool decode_kernels = false;
  options::options_description description(
      "accrete-gpu-bench: the CUDA backend in bf16 at the sizes of the published models, one case "
      "as JSON");
  auto add = description.add_options();
  add("help", "print this");
  add("case", options::value(&name)->required(),
      "machine, full, growth, cached, decode or ensemble");
  add("repeats", options::value(&repeats)->default_value(repeats), "samples; the median counts");
  add("batch", options::value(&batch)->default_value(batch), "sequences of a training step");
  add("time", options::value(&time_steps)->default_value(time_steps), "tokens of a sequence");
  add("decode-kernels", options::bool_switch(&decode_kernels),
      "decode by kernels of our own (CudaOptions::decode_kernels)");
  options::variables_map values;
  try {
    options::store(options::parse_command_line(argument_count, arguments, description), values);
    if (values.count("help") != 0) {
      std::cout << description;
      return 0;
    }
    options::notify(values);
    if (repeats < 1 || batch < 1 || time_steps < 1)
      throw ValueError("--repeats, --batch and --time: expected 1 or more");
  } catch (std::exception const& error) {
    std::cerr << "accrete-gpu-bench: " << error.what() << "\n" << description;
    return 2;
  }
  Gpu const gpu({.decode_kernels = decode_kernels});
  Json result = run_case(gpu, name, repeats);
  result["decode_kernels"] = Json(decode_kernels);
  result["program"] = Json("accrete");
  result["engine"] = Json(gpu.description());
  std::cout << result.dump() << "\n";
  return 0;
}

}  // namespace

int main(int argument_count, char** arguments) try {
  return run(argument_count, arguments);
} catch (std::exception const& error) {
  std::cerr << "accrete-gpu-bench: " << error.what() << "\n";
  return 1;
}
