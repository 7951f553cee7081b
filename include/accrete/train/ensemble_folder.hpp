/// An ensemble on disk: a folder in which each expert is a checkpoint of its own, so that one can be added, removed or
/// exchanged without touching the others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/io/atomic_file.hpp>
#include <accrete/io/json.hpp>
#include <accrete/model/basic_ensemble.hpp>
#include <accrete/train/checkpoint.hpp>
#include <accrete/train/fusion_file.hpp>

ACCRETE_BEGIN_NAMESPACE

inline constexpr Index ensemble_folder_version = 1;

/// One expert of a saved ensemble.
struct SavedExpert {
  std::string name{};       // letters, digits, '-', '_'
  std::string file{};       // its checkpoint within the folder
  std::string sha256{};     // of that file
  std::string substrate{};  // its fingerprint
  Index vocabulary = 0;
  std::vector<std::string> ancestors{};  // fingerprints of what the substrate extends
};

/// The folder:
///
///     ensemble.json                  the manifest: which files belong to it, with their SHA-256
///     russian-1.safetensors          a checkpoint for each expert, which CheckpointReader reads alone, too
///     fusion-3.safetensors           the parameters of the fusion, if it has any
///
/// Every change writes new files under new names and then replaces the manifest in one step; files that are no longer
/// named are removed last. So a change that is interrupted has happened as a whole or not at all; after an exception,
/// read the folder anew.
///
/// A fusion's parameters belong to one list of experts: adding, removing or exchanging one drops them, and the next
/// `restore` starts the fusion anew. One process at a time may change a folder.
class EnsembleFolder {
 public:
  /// Reads the manifest. Throws FileError for one that is missing, damaged, of a newer version, or that names files
  /// outside of the folder.
  explicit EnsembleFolder(std::filesystem::path folder);

  /// Saves all experts, called `names` in their order, and the fusion. What was saved there before is replaced. Throws
  /// ValueError for names that are not as described above, or not one for each expert.
  template <class Ensemble>
  static EnsembleFolder save(Ensemble& ensemble, std::filesystem::path const& folder,
                             std::vector<std::string> const& names);

  [[nodiscard]] std::vector<SavedExpert> const& experts() const { return experts_; }
  /// What the fusion was described as when it was saved.
  [[nodiscard]] Json const& fusion() const { return fusion_; }
  /// Whether the folder holds parameters of it.
  [[nodiscard]] bool has_fusion_parameters() const { return fusion_file_.has_value(); }

  /// Saves one more expert behind the others. Throws ValueError for a name that is taken, MismatchError where its
  /// substrate does not dock with those of the others.
  template <Trainable Model>
  void add(std::string const& name, Model& model);
  /// Saves another model in the place of the expert called `name`.
  template <Trainable Model>
  void exchange(std::string const& name, Model& model);
  /// Throws ValueError for a name that no expert has, and for the last expert.
  void remove(std::string const& name);

  /// Loads all experts, in order, and the fusion's parameters. Returns false where these start anew: the folder has none,
  /// or those of another fusion. Throws MismatchError for another number of experts, FileError for files that are missing
  /// or not those that the manifest knows, and what CheckpointReader throws; all is looked through before anything is
  /// changed.
  template <class Ensemble>
  [[nodiscard]] bool restore(Ensemble& ensemble) const;
  /// Loads one expert.
  template <Trainable Model>
  void restore_expert(std::string const& name, Model& model) const;

 private:
  struct FusionFile {
    std::string file, sha256;
  };
  struct Empty {};
  EnsembleFolder(std::filesystem::path folder, Empty) : folder_(std::move(folder)) {}

  [[nodiscard]] std::filesystem::path manifest() const { return folder_ / "ensemble.json"; }
  void read(Json const& json);
  [[nodiscard]] Json to_json() const;
  [[nodiscard]] std::vector<SavedExpert>::iterator find(std::string const& name);
  [[nodiscard]] std::vector<std::string> hashes() const;
  /// The file's whole path, once its content is known to be what the manifest says.
  [[nodiscard]] std::filesystem::path checked(std::string const& file,
                                              std::string const& sha256) const;
  template <class Model>
  [[nodiscard]] SavedExpert save_expert(std::string const& name, Model& model) const;
  /// Makes `experts` those of the folder: the manifest changes, then what it no longer names goes.
  void commit(std::vector<SavedExpert> experts, std::optional<FusionFile> fusion_file);
  static void check_names(std::vector<SavedExpert> const& experts);
  static void check_docking(std::vector<SavedExpert> const& experts);

  std::filesystem::path folder_;
  Index revision_ = 0;  // counts changes: the number in the names of files
  std::vector<SavedExpert> experts_;
  Json fusion_;
  std::optional<FusionFile> fusion_file_;
};

template <class Ensemble>
EnsembleFolder EnsembleFolder::save(Ensemble& ensemble, std::filesystem::path const& folder,
                                    std::vector<std::string> const& names) {
  if (static_cast<Index>(names.size()) != ensemble.size())
    throw ValueError(message("ensemble folder: expected ", ensemble.size(),
                             " names, one for each expert, got ", names.size()));
  std::filesystem::create_directories(folder);
  EnsembleFolder result(folder, Empty{});
  std::error_code ignored;
  if (std::filesystem::exists(result.manifest(), ignored)) result = EnsembleFolder(folder);
  std::vector<SavedExpert> experts;
  for (auto const& name : names) experts.push_back({.name = name});
  check_names(experts);
  ++result.revision_;
  for (Index e = 0; e < ensemble.size(); ++e)
    ensemble.visit_expert(e, [&](auto& expert) {
      auto const i = static_cast<std::size_t>(e);
      experts[i] = result.save_expert(names[i], expert);
    });
  result.fusion_ = ensemble.fusion().describe();
  std::optional<FusionFile> fusion_file;
  if (!ensemble.fusion_segment().entries().empty()) {
    std::vector<std::string> hashes;
    for (auto const& expert : experts) hashes.push_back(expert.sha256);
    std::string const file = message("fusion-", result.revision_, ".safetensors");
    save_fusion(ensemble, hashes, folder / file);
    fusion_file = {file, sha256_of_file(folder / file)};
  }
  result.commit(std::move(experts), std::move(fusion_file));
  return result;
}

template <class Model>
SavedExpert EnsembleFolder::save_expert(std::string const& name, Model& model) const {
  SavedExpert expert{.name = name,
                     .file = message(name, "-", revision_, ".safetensors"),
                     .substrate = model.substrate().fingerprint(),
                     .vocabulary = model.substrate().vocabulary_size()};
  for (auto const& ancestor : model.substrate().ancestors())
    expert.ancestors.push_back(ancestor.fingerprint);
  CheckpointWriter{model}.save(folder_ / expert.file);
  expert.sha256 = sha256_of_file(folder_ / expert.file);
  return expert;
}

template <Trainable Model>
void EnsembleFolder::add(std::string const& name, Model& model) {
  auto experts = experts_;
  experts.push_back({.name = name,
                     .substrate = model.substrate().fingerprint(),
                     .vocabulary = model.substrate().vocabulary_size()});
  for (auto const& ancestor : model.substrate().ancestors())
    experts.back().ancestors.push_back(ancestor.fingerprint);
  check_names(experts);
  check_docking(experts);
  ++revision_;
  experts.back() = save_expert(name, model);
  commit(std::move(experts), std::nullopt);
}

template <Trainable Model>
void EnsembleFolder::exchange(std::string const& name, Model& model) {
  auto const place = static_cast<std::size_t>(find(name) - experts_.begin());
  auto experts = experts_;
  experts[place].substrate = model.substrate().fingerprint();
  experts[place].vocabulary = model.substrate().vocabulary_size();
  experts[place].ancestors.clear();
  for (auto const& ancestor : model.substrate().ancestors())
    experts[place].ancestors.push_back(ancestor.fingerprint);
  check_docking(experts);
  ++revision_;
  experts[place] = save_expert(name, model);
  commit(std::move(experts), std::nullopt);
}

template <class Ensemble>
bool EnsembleFolder::restore(Ensemble& ensemble) const {
  if (ensemble.size() != static_cast<Index>(experts_.size()))
    throw MismatchError(message(manifest().string(), ": holds ", experts_.size(),
                                " experts, this ensemble has ", ensemble.size()));
  std::vector<CheckpointReader> checkpoints;
  for (auto const& expert : experts_) checkpoints.emplace_back(checked(expert.file, expert.sha256));
  for (Index e = 0; e < ensemble.size(); ++e)
    ensemble.visit_expert(
        e, [&](auto const& expert) { checkpoints[static_cast<std::size_t>(e)].check(expert); });
  bool const same_fusion = fusion_ == ensemble.fusion().describe();
  std::optional<FusionReader> fusion;
  if (same_fusion && fusion_file_) {
    fusion.emplace(checked(fusion_file_->file, fusion_file_->sha256), hashes());
    fusion->check(ensemble);
  }
  for (Index e = 0; e < ensemble.size(); ++e)
    ensemble.visit_expert(
        e, [&](auto& expert) { checkpoints[static_cast<std::size_t>(e)].restore(expert); });
  if (fusion) fusion->restore(ensemble);
  return same_fusion && (fusion || ensemble.fusion_segment().entries().empty());
}

template <Trainable Model>
void EnsembleFolder::restore_expert(std::string const& name, Model& model) const {
  for (auto const& expert : experts_)
    if (expert.name == name)
      return CheckpointReader(checked(expert.file, expert.sha256)).restore(model);
  throw ValueError(message("ensemble folder: no expert is called ", name));
}

ACCRETE_END_NAMESPACE

#include <accrete/train/ensemble_manifest.hpp>
