#include <boost/test/unit_test.hpp>

#include <fstream>

#include <accrete/train/ensemble_folder.hpp>

#include "support/all_close.hpp"
#include "support/extended_substrate.hpp"
#include "support/failing_file_calls.hpp"
#include "support/fusions.hpp"
#include "support/mutants.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(ensemble_folder)

namespace {

constexpr Index vocabulary = fusion_vocabulary;

CpuModel expert(std::uint64_t seed) {
  return grown_expert<CpuModel>({1}, seed % 2 == 1 ? narrow_block : wide_block, seed, Cpu(1));
}
/// An expert of that architecture that knows nothing yet.
CpuModel empty(std::uint64_t seed) {
  return {Cpu(1),
          random_substrate(vocabulary, 8),
          {.planned_depth = 3, .block = seed % 2 == 1 ? narrow_block : wide_block}};
}

template <class Fusion = MeanOfLogits>
ExpertList<CpuModel, Fusion> list_of(std::vector<std::uint64_t> const& seeds, bool trained = true,
                                     Fusion const& fusion = {}) {
  std::vector<CpuModel> experts;
  for (auto const seed : seeds) experts.push_back(trained ? expert(seed) : empty(seed));
  return ExpertList<CpuModel, Fusion>(std::move(experts), fusion);
}

auto const tokens = random_tokens(12, vocabulary, 2);

/// Whether the folder holds these experts, in this order, to the bit.
template <class Fusion = MeanOfLogits>
bool holds(std::filesystem::path const& folder, std::vector<std::uint64_t> const& seeds) {
  auto loaded = list_of<Fusion>(seeds, false);
  static_cast<void>(EnsembleFolder(folder).restore(loaded));
  auto const expected = list_of<Fusion>(seeds);
  for (Index e = 0; e < loaded.size(); ++e)
    if (logits_of(loaded.expert(e), tokens, 2) != logits_of(expected.expert(e), tokens, 2))
      return false;
  return true;
}

/// A folder with two experts and a trained gate.
struct Saved {
  Saved() {
    auto model = list_of<LearnedGate>({1, 2});
    randomize_fusion(model);
    logits = logits_of(model, tokens, 2);
    static_cast<void>(EnsembleFolder::save(model, path, {"russian", "chinese"}));
  }

  [[nodiscard]] std::string manifest() const { return read_file(path / "ensemble.json", 1 << 20); }
  void set_manifest(std::string const& text) const {
    write_file_atomically(path / "ensemble.json", text);
  }
  /// The manifest with one text replaced by another.
  void replace(std::string const& from, std::string const& to) const {
    std::string text = manifest();
    auto const at = text.find(from);
    BOOST_TEST_REQUIRE(at != text.npos);
    set_manifest(text.replace(at, from.size(), to));
  }
  template <class ErrorType, class Says>
  void check_refusal(Says const& says_what) const {
    auto loaded = list_of<LearnedGate>({1, 2}, false);
    BOOST_CHECK_EXCEPTION(static_cast<void>(EnsembleFolder(path).restore(loaded)), ErrorType,
                          says_what);
    BOOST_TEST(loaded.expert(0).body().depth() == 0, "nothing has changed");
    BOOST_TEST(loaded.expert(1).body().depth() == 0, "nothing has changed");
  }

  ScratchFolder scratch;
  std::filesystem::path path = scratch / "merged";
  std::vector<float> logits;
};

}  // namespace

BOOST_AUTO_TEST_CASE(restores_experts_and_fusion_to_the_bit) {
  Saved const saved;
  auto loaded = list_of<LearnedGate>({1, 2}, false);
  EnsembleFolder const folder(saved.path);
  BOOST_TEST(folder.restore(loaded));
  BOOST_TEST(same_bits(logits_of(loaded, tokens, 2), saved.logits));
  BOOST_TEST(folder.experts()[0].name == "russian");
  BOOST_TEST(folder.experts()[1].file == "chinese-1.safetensors");
  BOOST_TEST(folder.fusion().as_string() == "learned gate");

  // Pack and list read each other's folders, and each file is a checkpoint.
  Ensemble<LearnedGate, CpuModel, CpuModel> pack(LearnedGate{}, empty(1), empty(2));
  BOOST_TEST(folder.restore(pack));
  BOOST_TEST(same_bits(logits_of(pack, tokens, 2), saved.logits));
  CpuModel alone = empty(2);
  CheckpointReader(saved.path / "chinese-1.safetensors").restore(alone);
  BOOST_TEST(same_bits(logits_of(alone, tokens, 2), logits_of(expert(2), tokens, 2)));
  CpuModel by_name = empty(2);
  folder.restore_expert("chinese", by_name);
  BOOST_TEST(same_bits(logits_of(by_name, tokens, 2), logits_of(expert(2), tokens, 2)));
}

BOOST_AUTO_TEST_CASE(one_expert_is_added_removed_or_exchanged_and_the_others_stay_untouched) {
  Saved const saved;
  EnsembleFolder folder(saved.path);
  auto const content = [&](char const* file) {
    return read_file(saved.path / file, std::uint64_t{1} << 24);
  };
  std::string const russian = content("russian-1.safetensors");

  auto third = expert(3);
  folder.add("hindi", third);
  BOOST_TEST(holds(saved.path, {1, 2, 3}));
  auto fourth = expert(5);
  folder.exchange("chinese", fourth);
  BOOST_TEST(holds(saved.path, {1, 5, 3}));
  folder.remove("hindi");
  BOOST_TEST(holds(saved.path, {1, 5}));
  BOOST_TEST(content("russian-1.safetensors") == russian);
  BOOST_TEST(saved.scratch.names() == (std::set<std::string>{"merged"}));
  std::set<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator(saved.path))
    names.insert(entry.path().filename().string());
  BOOST_TEST(names == (std::set<std::string>{"ensemble.json", "russian-1.safetensors",
                                             "chinese-3.safetensors"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_fusion_belongs_to_its_experts_and_starts_anew_with_others) {
  Saved const saved;
  EnsembleFolder folder(saved.path);
  BOOST_TEST(folder.has_fusion_parameters());
  auto other = expert(4);
  folder.exchange("chinese", other);
  BOOST_TEST(!folder.has_fusion_parameters());
  auto loaded = list_of<LearnedGate>({1, 4}, false);
  BOOST_TEST(!EnsembleFolder(saved.path).restore(loaded));
  auto const mean = list_of({1, 4});
  BOOST_TEST(all_close(logits_of(loaded, tokens, 2), logits_of(mean, tokens, 2), 1e-5));
  // Another fusion than the saved one starts anew, too; one without parameters has nothing to miss.
  Saved const again;
  auto adapter = list_of<LogitAdapter>({1, 2}, false, {.rank = 2});
  BOOST_TEST(!EnsembleFolder(again.path).restore(adapter));
  ScratchFolder const plain;
  auto model = list_of({1, 2});
  auto restored = list_of({1, 2}, false);
  BOOST_TEST(EnsembleFolder::save(model, plain.path(), {"a", "b"}).restore(restored));
}

BOOST_AUTO_TEST_CASE(saving_again_replaces_all) {
  Saved const saved;
  auto model = list_of({3, 4});
  static_cast<void>(EnsembleFolder::save(model, saved.path, {"russian", "hindi"}));
  BOOST_TEST(holds(saved.path, {3, 4}));
  std::size_t files = 0;
  for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator(saved.path))
    ++files;
  BOOST_TEST(files == 3U);
}

BOOST_AUTO_TEST_CASE(a_change_that_fails_has_happened_as_a_whole_or_not_at_all) {
  auto third = expert(3);
  int failures = 0;
  for (int call = 0;; ++call) {
    Saved const saved;
    EnsembleFolder folder(saved.path);
    bool failed = false;
    {
      FailingFileCalls const failing(call);
      try {
        folder.add("hindi", third);
      } catch (FileError const&) {
        failed = true;
      }
      if (FailingFileCalls::calls() <= call) break;  // all calls have had their turn
    }
    failures += failed ? 1 : 0;
    bool const added = EnsembleFolder(saved.path).experts().size() == 3;
    BOOST_TEST((added ? holds(saved.path, {1, 2, 3}) : holds<LearnedGate>(saved.path, {1, 2})),
               "call " << call);
    if (!added) {  // and may be tried again
      EnsembleFolder(saved.path).add("hindi", third);
      BOOST_TEST(holds(saved.path, {1, 2, 3}));
    }
  }
  BOOST_TEST(failures > 5);
}

BOOST_AUTO_TEST_CASE(missing_and_changed_files_are_refused) {
  {
    Saved const saved;
    std::filesystem::remove(saved.path / "chinese-1.safetensors");
    saved.check_refusal<FileError>(says("chinese-1.safetensors"));
  }
  {
    Saved const saved;
    auto other = expert(4);  // a good checkpoint, but not this one
    CheckpointWriter{other}.save(saved.path / "chinese-1.safetensors");
    saved.check_refusal<FileError>(says("is not the file that"));
  }
  {
    Saved const saved;
    std::filesystem::rename(saved.path / "chinese-1.safetensors", saved.path / "elsewhere");
    std::filesystem::create_symlink("elsewhere", saved.path / "chinese-1.safetensors");
    saved.check_refusal<FileError>(says("is a link"));
  }
  {
    Saved const saved;
    std::filesystem::remove(saved.path / "fusion-1.safetensors");
    saved.check_refusal<FileError>(says("fusion-1.safetensors"));
  }
}

BOOST_AUTO_TEST_CASE(names_that_lead_outside_are_refused) {
  // As JSON writes them.
  std::string const names[] = {"",
                               ".",
                               "..",
                               "/",
                               "../chinese-1.safetensors",
                               "../merged/chinese-1.safetensors",
                               "../../../../../../etc/passwd.safetensors",
                               "./chinese-1.safetensors",
                               "a/b.safetensors",
                               "a/../chinese-1.safetensors",
                               "chinese-1.safetensors/",
                               "chinese-1.safetensors/.",
                               "chinese-1.safetensors/..",
                               "chinese-1.safetensors/../russian-1.safetensors",
                               "/etc/chinese-1.safetensors",
                               "//chinese-1.safetensors",
                               "/dev/stdin",
                               "/proc/self/mem",
                               "file:///etc/x.safetensors",
                               "~/x.safetensors",
                               "~root.safetensors",
                               "$HOME.safetensors",
                               "..\\\\chinese-1.safetensors",
                               "a\\\\b.safetensors",
                               "C:\\\\x.safetensors",
                               "C:x.safetensors",
                               "\\\\\\\\host\\\\share\\\\x.safetensors",
                               "%2e%2e%2fx.safetensors",
                               "\\u002e\\u002e\\u002fchinese-1.safetensors",
                               "\\u0000",
                               "chinese-1\\u0000.safetensors",
                               "chinese-1.safetensors\\u0000",
                               "../x\\u0000.safetensors",
                               "chinese-1\\n.safetensors",
                               "chinese-1.safetensors\\n",
                               " chinese-1.safetensors",
                               "chinese-1.safetensors ",
                               "chinese 1.safetensors",
                               "chinese-1*.safetensors",
                               "chinese-?.safetensors",
                               "|chinese.safetensors",
                               "chinese\\u202e1.safetensors",
                               "\\uff0e\\uff0e\\uff0fx.safetensors",
                               ".safetensors",
                               "..safetensors",
                               "...safetensors",
                               ".hidden.safetensors",
                               "chinese-1",
                               "chinese-1.SAFETENSORS",
                               "chinese-1.safetensors.tmp",
                               "ensemble.json",
                               std::string(200, 'a') + ".safetensors"};
  static_assert(std::size(names) >= 40);
  Saved const saved;
  std::string const whole = saved.manifest();
  for (char const* const file : {"chinese-1.safetensors", "fusion-1.safetensors"}) {
    for (std::string const& name : names) {
      BOOST_TEST_CONTEXT(name) {
        saved.set_manifest(whole);
        saved.replace(file, name);
        BOOST_CHECK_EXCEPTION(EnsembleFolder{saved.path}, FileError,
                              says("ensemble.json: names the file"));
      }
    }
  }
  // A good name may still be that of a link or a folder.
  saved.set_manifest(whole);
  for (std::string const target : {"..", "/etc/passwd", "russian-1.safetensors", "nowhere"}) {
    std::filesystem::remove(saved.path / "chinese-1.safetensors");
    std::filesystem::create_symlink(target, saved.path / "chinese-1.safetensors");
    saved.check_refusal<FileError>(says("chinese-1.safetensors: is a link"));
  }
  std::filesystem::remove(saved.path / "chinese-1.safetensors");
  std::filesystem::create_directory(saved.path / "chinese-1.safetensors");
  saved.check_refusal<FileError>(says("chinese-1.safetensors: is a folder"));
}

BOOST_AUTO_TEST_CASE(damaged_manifests_are_refused_and_never_crash) {
  Saved const saved;
  std::string const whole = saved.manifest();
  Mutants mutants(3);
  for (int i = 0; i < 300; ++i) {
    saved.set_manifest(mutants.mutate(whole));
    auto loaded = list_of<LearnedGate>({1, 2}, false);
    try {
      static_cast<void>(EnsembleFolder(saved.path).restore(loaded));
    } catch (Error const&) {
    }
  }
  saved.set_manifest(whole);
  saved.replace("\"format_version\": 1", "\"format_version\": 2");
  BOOST_CHECK_EXCEPTION(EnsembleFolder{saved.path}, FileError,
                        says("has ensemble format version 2, this library reads version 1"));
  BOOST_CHECK_THROW(EnsembleFolder{saved.scratch / "nowhere"}, FileError);
}

BOOST_AUTO_TEST_CASE(names_numbers_and_substrates_that_do_not_fit_are_refused) {
  Saved const saved;
  EnsembleFolder folder(saved.path);
  auto third = expert(3);
  BOOST_CHECK_EXCEPTION(folder.add("russian", third), ValueError,
                        says("two experts are called russian"));
  BOOST_CHECK_EXCEPTION(folder.add("../x", third), ValueError, says("is not made of"));
  BOOST_CHECK_EXCEPTION(folder.add("fusion", third), ValueError, says("cannot be called fusion"));
  BOOST_CHECK_EXCEPTION(folder.exchange("hindi", third), ValueError, says("no expert is called"));
  BOOST_CHECK_EXCEPTION(folder.remove("hindi"), ValueError, says("no expert is called hindi"));
  CpuModel foreign{Cpu(1), random_substrate(vocabulary, 8, 7), {.block = narrow_block}};
  foreign.body().grow(1);
  BOOST_CHECK_EXCEPTION(folder.add("foreign", foreign), MismatchError,
                        says("foreign stands on the substrate"));
  BOOST_CHECK_THROW(folder.exchange("russian", foreign), MismatchError);
  CpuModel younger{Cpu(1), extended(random_substrate(vocabulary, 8), 4), {.block = narrow_block}};
  younger.body().grow(1);
  BOOST_CHECK_NO_THROW(folder.add("younger", younger));
  folder.remove("younger");
  folder.remove("chinese");
  BOOST_CHECK_EXCEPTION(folder.remove("russian"), ValueError, says("is the last expert"));
  auto model = list_of({1, 2});
  BOOST_CHECK_EXCEPTION(static_cast<void>(EnsembleFolder::save(model, saved.path, {"a"})),
                        ValueError, says("expected 2 names, one for each expert, got 1"));
  BOOST_CHECK_EXCEPTION(static_cast<void>(folder.restore(model)), MismatchError,
                        says("holds 1 experts, this ensemble has 2"));
  BOOST_TEST(holds(saved.path, {1}));

  // An expert on another substrate says so, and nothing is loaded.
  Saved const other;
  std::vector<CpuModel> experts;
  for (int i = 0; i < 2; ++i)
    experts.emplace_back(Cpu(1), random_substrate(vocabulary, 8, 7),
                         CpuModel::Options{.block = narrow_block});
  ExpertList elsewhere{std::move(experts)};
  BOOST_CHECK_EXCEPTION(static_cast<void>(EnsembleFolder(other.path).restore(elsewhere)),
                        MismatchError, says("it was trained on the substrate"));
}

BOOST_AUTO_TEST_SUITE_END()
