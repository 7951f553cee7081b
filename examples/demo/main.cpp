// The main job: on real text, grow two experts apart on one frozen substrate of glyphs, merge them, measure, report.
#include <accrete/io/folder_lock.hpp>
#include <accrete/report/machine.hpp>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "../programs/interruption.hpp"
#include "debian_text.hpp"
#include "demo_report.hpp"
#include "findings.hpp"
#include "scoring.hpp"
#include "show_substrate.hpp"
#include "training.hpp"

namespace {

using namespace demo;
namespace options = boost::program_options;
using accrete::Json;

/// Wall seconds of this run and of those that it continues.
class Stopwatch {
 public:
  explicit Stopwatch(std::filesystem::path path) : path_(std::move(path)) {
    if (std::filesystem::exists(path_))
      before_ =
          Json::parse(accrete::read_file(path_, 4096), path_.string()).at("seconds").as_double();
  }
  ~Stopwatch() {
    try {
      accrete::write_file_atomically(path_, Json::object({{"seconds", seconds()}}).dump() + "\n");
    } catch (std::exception const&) {  // the time of an interrupted run is no reason to fail
    }
  }
  [[nodiscard]] double seconds() const {
    return before_ +
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::filesystem::path path_;
  double before_ = 0;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Two or three languages; the first is shared by both experts if there are three.
std::vector<std::vector<std::size_t>> languages_of_experts(std::size_t languages) {
  if (languages == 3) return {{0, 1}, {0, 2}};
  if (languages == 2) return {{0}, {1}};
  throw accrete::ValueError(accrete::message("demo: expected text in two or three languages, got ",
                                             languages, "; see --text in --help"));
}

class Demo {
 public:
  Demo(Settings settings, std::stop_token stop)
      : settings_(std::move(settings)),
        lock_(settings_.output),
        stop_(stop),
        backend_(settings_.threads) {
    std::filesystem::create_directories(settings_.state_folder());
  }

  void run() {
    Stopwatch const stopwatch(settings_.state_folder() / "time.json");
    read_text();
    accrete::Substrate const substrate = make_substrate();
    languages_ = encode_corpus(corpus_, substrate.vocabulary(), settings_.scale.scored_tokens);
    for (auto const& language : languages_)
      std::printf("%s: %ld tokens to train on, %ld to validate, %ld to test\n",
                  language.language.c_str(), language.train->size(),
                  static_cast<long>(language.validation.tokens.size()),
                  static_cast<long>(language.test.tokens.size()));
    show_unigrams(substrate);
    auto const parts = languages_of_experts(languages_.size());
    Expert first = train_expert(substrate, parts[0], 0);
    Expert second = train_expert(substrate, parts[1], 1);
    train_union(substrate, parts);
    merge(std::move(first), std::move(second));
    finish(stopwatch.seconds());
  }

 private:
  void read_text() {
    corpus_ = settings_.own_text.empty() ? load_debian_text(settings_.text_folder)
                                         : load_own_text(settings_.own_text);
    for (LanguageText const& text : corpus_.languages) {
      result_.languages.push_back(text.language);
      result_.text.push_back({text.language, text.account});
    }
    result_.sources = corpus_.sources;
    result_.machine =
        accrete::message(accrete::processor_name(), ", ", backend_.pool().threads(), " threads");
    result_.engine = backend_.description();
  }

  /// Builds vocabulary and substrate, or loads those of the run that this one continues.
  accrete::Substrate make_substrate() {
    auto const path = settings_.state_folder() / "substrate.safetensors";
    accrete::FreeTypeRasterizer const font(settings_.font);
    accrete::CleanRecipe const recipe{};
    if (!std::filesystem::exists(path)) {
      std::printf("learning a vocabulary of %ld tokens and drawing its glyphs\n",
                  settings_.scale.vocabulary);
      std::vector<accrete::TextCorpus> texts;
      for (LanguageText const& text : corpus_.languages)
        texts.push_back({.name = text.language, .documents = text.in(Split::train)});
      auto const vocabulary =
          accrete::build_ngram_vocabulary(texts, {.size = settings_.scale.vocabulary});
      accrete::build_glyph_substrate(vocabulary, font, recipe, settings_.scale.substrate_width,
                                     {.threads = backend_.pool().threads()})
          .save(path);
    }
    accrete::Substrate const substrate = accrete::Substrate::load(path);
    if (substrate.vocabulary_size() != settings_.scale.vocabulary ||
        substrate.width() != settings_.scale.substrate_width)
      throw accrete::MismatchError(
          accrete::message(path.string(), ": it belongs to a run with other settings; remove ",
                           settings_.state_folder().string(), " to begin anew"));
    auto const bits = accrete::draw_tokens(substrate.vocabulary(), font, recipe,
                                           {.threads = backend_.pool().threads()});
    result_.substrate = {substrate.vocabulary_size(), substrate.fingerprint()};
    result_.glyphs = glyph_rows(substrate, bits);
    result_.table = project_table(substrate);
    return substrate;
  }

  void show_unigrams(accrete::Substrate const& substrate) {
    UnigramModel const unigrams(languages_, substrate.vocabulary_size());
    ModelFacts facts{.name = "unigram",
                     .parameters = substrate.vocabulary_size(),
                     .trainable = substrate.vocabulary_size()};
    for (auto const& language : languages_)
      facts.test_bits_per_character.push_back(unigrams.bits_per_character(language.test));
    result_.models.push_back(std::move(facts));
    for (auto const& language : languages_)
      scored_.emplace_back(language.test, substrate.vocabulary().begin(), settings_);
  }

  void train(Expert& model, TrainingJob job) {
    StagedTraining training(settings_, std::move(job), stop_);
    training.run(model);
    result_.curves.push_back(training.curve());
    for (auto const& stage : training.stages()) result_.growth.push_back(stage);
  }

  /// Measures a model by itself; it is the next in every ScoredLanguage.
  ModelFacts measure(std::string name, Expert& model, bool expert) {
    auto const [all, trainable] = count_parameters(model);
    ModelFacts facts{
        .name = std::move(name), .expert = expert, .parameters = all, .trainable = trainable};
    Expert::Session session(model, {.batch = settings_.scale.batch, .time = settings_.scale.time});
    auto scratch = loss_scratch();
    for (auto& language : scored_) {
      language.add_expert(model, session);
      facts.test_bits_per_character.push_back(
          language.bits_per_character(measured_, backend_, scratch, model));
    }
    ++measured_;
    return facts;
  }

  Expert train_expert(accrete::Substrate const& substrate, std::vector<std::size_t> const& part,
                      std::size_t number) {
    TrainingJob job{.steps = settings_.scale.steps, .seed = settings_.seed + number};
    for (std::size_t const index : part) {
      job.name += (job.name.empty() ? "" : "-") + languages_[index].language;
      job.languages.push_back(&languages_[index]);
    }
    std::string const name = job.name;
    Expert model = make_model(backend_, substrate, settings_, settings_.scale.model_dim,
                              settings_.scale.heads, settings_.seed + number);
    train(model, std::move(job));
    result_.models.push_back(measure(name, model, true));
    return model;
  }

  /// One model on all that the experts have seen, as often as they have seen it.
  void train_union(accrete::Substrate const& substrate,
                   std::vector<std::vector<std::size_t>> const& parts) {
    TrainingJob job{.name = "union",
                    .steps = settings_.scale.steps * static_cast<Index>(parts.size()),
                    .seed = settings_.seed + parts.size()};
    for (auto const& part : parts)
      for (std::size_t const index : part) job.languages.push_back(&languages_[index]);
    Expert model = make_model(backend_, substrate, settings_, settings_.scale.union_dim,
                              settings_.scale.union_heads, settings_.seed + parts.size());
    train(model, std::move(job));
    union_facts_ = measure("union", model, false);
  }

  void merge(Expert first, Expert second) {
    first.body().freeze();
    second.body().freeze();
    Merged merged{std::move(first), std::move(second)};
    record_merge("merged", merged, false);
    tune_heads(merged);
    record_merge("merged+head", merged, true);
    result_.models.push_back(union_facts_);
    write_samples(merged);
  }

  void record_merge(std::string name, Merged& merged, bool heads_trained) {
    auto const [all, trainable] = count_parameters(merged);
    ModelFacts facts{
        .name = std::move(name), .parameters = all, .trainable = heads_trained ? trainable : 0};
    auto scratch = loss_scratch();
    for (auto const& language : scored_)
      facts.test_bits_per_character.push_back(language.bits_per_character(
          0, backend_, scratch, merged.expert<0>(), merged.expert<1>()));
    result_.models.push_back(std::move(facts));
  }

  /// The experts stay frozen; their heads learn to work together on text of all languages.
  void tune_heads(Merged& merged) {
    auto const& scale = settings_.scale;
    std::vector<std::shared_ptr<accrete::TokenSource const>> sources;
    for (auto const& language : languages_) sources.push_back(language.train);
    accrete::Batches batches(
        sources, {.batch = scale.batch, .time = scale.time, .seed = settings_.seed + 17});
    Index const step_tokens = scale.batch * scale.time;
    accrete::Progress progress(
        {.label = "merged, tuning the heads", .total = scale.tuning_steps * step_tokens});
    accrete::Trainer<Merged> trainer{merged,
                                     accrete::AdamW{.learning_rate = scale.learning_rate / 4},
                                     {.steps = scale.tuning_steps,
                                      .schedule = {.warmup_steps = scale.tuning_steps / 10,
                                                   .steps = scale.tuning_steps,
                                                   .final_factor = 0.1},
                                      .on_step = [&](accrete::StepReport const& report) {
                                        progress.update(report.step * step_tokens);
                                      }}};
    if (trainer.fit(batches, stop_).stopped)
      throw Interrupted{};  // the experts are saved; tuning begins anew
    progress.finish();
  }

  void write_samples(Merged const& merged) {
    auto const& vocabulary = merged.substrate().vocabulary();
    accrete::BpeTokenizer const tokenizer(vocabulary);
    for (std::size_t i = 0; i < languages_.size(); ++i) {
      auto const& tokens = languages_[i].test.tokens;
      std::string const prompt =
          tokenizer.decode(std::span(tokens).first(std::min<std::size_t>(12, tokens.size())));
      result_.samples.push_back(
          {.model = "merged+head",
           .language = languages_[i].language,
           .prompt = prompt,
           .text = accrete::generate(merged, prompt,
                                     {.max_tokens = 60,
                                      .sampling = {.temperature = 0.7, .top_p = 0.95},
                                      .seed = settings_.seed,
                                      .stop_at_end = false})});
    }
  }

  void finish(double seconds) {
    result_.seconds = seconds;
    result_.claims = find_claims(result_);
    write_demo_report(result_, settings_.output);
    std::printf("\nbits per character on the test text\n%-14s", "model");
    for (auto const& language : result_.languages) std::printf("%9s", language.c_str());
    std::printf("%9s %12s\n", "mean", "parameters");
    for (ModelFacts const& model : result_.models) {
      std::printf("%-14s", model.name.c_str());
      for (double const bits : model.test_bits_per_character) std::printf("%9.3f", bits);
      std::printf("%9.3f %12ld\n", mean_bits(model), model.parameters);
    }
    std::printf("\n");
    for (Claim const& claim : result_.claims)
      std::printf("%-14s %s\n", claim.holds ? "holds" : "does not hold", claim.claim.c_str());
    std::printf("\n%s, %.0f s\nreport:   %s\npictures: %s/{bits,loss,glyphs,embedding}.svg\n",
                result_.engine.c_str(), seconds,
                (settings_.output / "report.html").string().c_str(),
                settings_.output.string().c_str());
  }

  [[nodiscard]] accrete::LossScratch<Backend> loss_scratch() const {
    return {backend_, settings_.scale.batch * settings_.scale.time, settings_.scale.vocabulary};
  }

  Settings settings_;
  accrete::FolderLock lock_;
  std::stop_token stop_;
  Backend backend_;
  Corpus corpus_;
  std::vector<LanguageTokens> languages_;
  std::vector<ScoredLanguage> scored_;
  std::size_t measured_ = 0;
  ModelFacts union_facts_;
  DemoResult result_;
};

/// Returns nothing where only help was asked for.
std::optional<Settings> parse(int argument_count, char** arguments) {
  Settings settings;
  std::vector<std::string> own_text;
  options::options_description description(
      "accrete-demo: grows two experts apart on one frozen substrate, merges them, writes a "
      "report");
  auto add = description.add_options();
  add("help", "this text");
  add("quick", "a small run of about two minutes");
  add("text", options::value(&own_text)->composing(),
      "LANG=PATH: own text (a file or a folder) instead of Debian's manuals; two or three of them");
  add("text-folder", options::value(&settings.text_folder)->default_value(settings.text_folder),
      "where the unpacked packages lie");
  add("font", options::value(&settings.font)->default_value(settings.font),
      "TTF or OTF font of the glyphs");
  add("out", options::value(&settings.output)->default_value(settings.output),
      "folder of the report and of the state");
  add("seed", options::value(&settings.seed)->default_value(settings.seed),
      "of initial values and data order");
  add("threads", options::value(&settings.threads)->default_value(0), "0: all processors");
  options::variables_map values;
  options::store(options::parse_command_line(argument_count, arguments, description), values);
  options::notify(values);
  if (values.count("help") != 0) {
    std::cout << description;
    return std::nullopt;
  }
  if (values.count("quick") != 0) settings.scale = quick_scale();
  for (std::string const& argument : own_text)
    settings.own_text.push_back(parse_own_text(argument));
  return settings;
}

}  // namespace

int main(int argument_count, char** arguments) {
  Interruption const interruption("finishing this step, then writing a checkpoint");
  std::optional<Settings> settings;
  try {
    settings = parse(argument_count, arguments);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-demo: %s; see --help\n", error.what());
    return 2;
  }
  if (!settings) return 0;
  try {
    Demo(*settings, interruption.token()).run();
    return 0;
  } catch (Interrupted const&) {
    std::fprintf(stderr, "accrete-demo: stopped; the same command goes on from %s\n",
                 settings->state_folder().string().c_str());
    return interruption.exit_status();
  } catch (std::exception const& error) {
    std::fprintf(stderr, "accrete-demo: %s\n", error.what());
    return 1;
  }
}
