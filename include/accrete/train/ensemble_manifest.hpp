/// The manifest of a saved ensemble: read, checked, replaced. Include ensemble_folder.hpp.
#pragma once

#include <accrete/core/version.hpp>
#include <accrete/io/format_version.hpp>
#include <accrete/train/ensemble_folder.hpp>

ACCRETE_BEGIN_NAMESPACE

namespace detail {
/// Letters, digits, '-' and '_': what is a name of a file everywhere.
[[nodiscard]] inline bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}
/// A plain name and ".safetensors": no such name leads out of a folder.
[[nodiscard]] inline bool is_plain_file(std::string_view file) {
  constexpr std::string_view ending = ".safetensors";
  return file.ends_with(ending) && file.size() <= 128 &&
         std::all_of(file.begin(), file.end() - ending.size(),
                     [](char c) {
                       return is_plain_name({&c, 1});
                     }) &&
         file.size() > ending.size();
}
[[nodiscard]] inline bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}
}  // namespace detail

inline EnsembleFolder::EnsembleFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
  constexpr std::uint64_t most_bytes = std::uint64_t{16} << 20;
  Json const json = Json::parse(read_file(manifest(), most_bytes), manifest().string());
  try {
    read(json);
  } catch (ValueError const& error) {
    throw FileError(manifest().string(), error.what());
  }
}

inline void EnsembleFolder::read(Json const& json) {
  if (json.at("format").as_string() != "accrete ensemble")
    throw ValueError("is no manifest of an ensemble of accrete");
  Index const version = json.at("format_version").as_int();
  if (version != ensemble_folder_version)
    throw ValueError(message("has ensemble format version ", version,
                             ", this library reads version ", ensemble_folder_version,
                             advice_on_version(version, ensemble_folder_version)));
  auto const file_of = [](Json const& part) {
    std::string const& file = part.at("file").as_string();
    if (!detail::is_plain_file(file))
      throw ValueError("names the file \"" + file +
                       "\"; expected letters, digits, '-' or '_' and then .safetensors: a file of "
                       "its own folder");
    return file;
  };
  auto const hash_of = [](Json const& part, char const* key) {
    std::string const& hash = part.at(key).as_string();
    if (!detail::is_sha256(hash)) throw ValueError("\"" + hash + "\" is no SHA-256");
    return hash;
  };
  revision_ = json.at("revision").as_int();
  if (revision_ < 0) throw ValueError("has a revision below zero");
  fusion_ = json.at("fusion");
  for (Json const& part : json.at("experts").as_array()) {
    SavedExpert expert{.name = part.at("name").as_string(),
                       .file = file_of(part),
                       .sha256 = hash_of(part, "sha256"),
                       .substrate = hash_of(part, "substrate"),
                       .vocabulary = part.at("vocabulary").as_int()};
    for (Json const& ancestor : part.at("ancestors").as_array())
      expert.ancestors.push_back(ancestor.as_string());
    experts_.push_back(std::move(expert));
  }
  if (experts_.empty()) throw ValueError("names no experts");
  check_names(experts_);
  if (Json const* const fusion = json.find("fusion_parameters"))
    fusion_file_ = FusionFile{file_of(*fusion), hash_of(*fusion, "sha256")};
}

inline Json EnsembleFolder::to_json() const {
  Json experts = Json::array();
  for (auto const& expert : experts_) {
    Json ancestors = Json::array();
    for (auto const& ancestor : expert.ancestors) ancestors.push_back(Json(ancestor));
    experts.push_back(Json::object({{"name", expert.name},
                                    {"file", expert.file},
                                    {"sha256", expert.sha256},
                                    {"substrate", expert.substrate},
                                    {"vocabulary", expert.vocabulary},
                                    {"ancestors", std::move(ancestors)}}));
  }
  Json json = Json::object({{"format", "accrete ensemble"},
                            {"format_version", ensemble_folder_version},
                            {"library", ACCRETE_VERSION_STRING},
                            {"revision", revision_},
                            {"fusion", fusion_},
                            {"experts", std::move(experts)}});
  if (fusion_file_)
    json["fusion_parameters"] =
        Json::object({{"file", fusion_file_->file}, {"sha256", fusion_file_->sha256}});
  return json;
}

inline auto EnsembleFolder::find(std::string const& name) -> std::vector<SavedExpert>::iterator {
  auto const found = std::find_if(experts_.begin(), experts_.end(),
                                  [&](auto const& expert) { return expert.name == name; });
  if (found == experts_.end())
    throw ValueError(message("ensemble folder: no expert is called ", name));
  return found;
}

inline std::vector<std::string> EnsembleFolder::hashes() const {
  std::vector<std::string> all;
  for (auto const& expert : experts_) all.push_back(expert.sha256);
  return all;
}

inline std::filesystem::path EnsembleFolder::checked(std::string const& file,
                                                     std::string const& sha256) const {
  std::filesystem::path const path = folder_ / file;
  std::error_code ignored;
  if (std::filesystem::is_symlink(path, ignored))
    throw FileError(path.string(), "is a link; an ensemble's files lie in its folder");
  std::string const found = sha256_of_file(path);
  if (found != sha256)
    throw FileError(path.string(),
                    message("is not the file that ", manifest().string(), " knows: its SHA-256 is ",
                            found, ", expected ", sha256));
  return path;
}

inline void EnsembleFolder::remove(std::string const& name) {
  auto const place = find(name) - experts_.begin();
  if (experts_.size() == 1)
    throw ValueError(message("ensemble folder: ", name, " is the last expert and cannot go"));
  auto experts = experts_;
  experts.erase(experts.begin() + place);
  check_docking(experts);
  ++revision_;
  commit(std::move(experts), std::nullopt);
}

inline void EnsembleFolder::commit(std::vector<SavedExpert> experts,
                                   std::optional<FusionFile> fusion_file) {
  std::vector<std::string> before;
  for (auto const& expert : experts_) before.push_back(expert.file);
  if (fusion_file_) before.push_back(fusion_file_->file);
  experts_ = std::move(experts);
  fusion_file_ = std::move(fusion_file);
  write_file_atomically(manifest(), to_json().dump(2) + "\n");
  for (auto const& file : before) {
    bool used = fusion_file_ && fusion_file_->file == file;
    for (auto const& expert : experts_) used = used || expert.file == file;
    std::error_code ignored;  // a file that stays is read by nobody
    if (!used) std::filesystem::remove(folder_ / file, ignored);
  }
}

inline void EnsembleFolder::check_names(std::vector<SavedExpert> const& experts) {
  for (std::size_t i = 0; i < experts.size(); ++i) {
    if (!detail::is_plain_name(experts[i].name))
      throw ValueError("ensemble folder: the name \"" + experts[i].name +
                       "\" is not made of 1 to 64 letters, digits, '-' and '_'");
    if (experts[i].name == "fusion")
      throw ValueError(
          "ensemble folder: an expert cannot be called fusion, as the fusion's file is");
    for (std::size_t j = 0; j < i; ++j)
      if (experts[j].name == experts[i].name)
        throw ValueError("ensemble folder: two experts are called " + experts[i].name);
  }
}

inline void EnsembleFolder::check_docking(std::vector<SavedExpert> const& experts) {
  auto const& common =
      *std::min_element(experts.begin(), experts.end(),
                        [](auto const& a, auto const& b) { return a.vocabulary < b.vocabulary; });
  for (auto const& expert : experts) {
    auto const& ancestors = expert.ancestors;
    if (expert.substrate != common.substrate &&
        std::find(ancestors.begin(), ancestors.end(), common.substrate) == ancestors.end())
      throw MismatchError(message("ensemble folder: ", expert.name, " stands on the substrate ",
                                  expert.substrate, ", ", common.name, " on ", common.substrate,
                                  ", which it does not extend"));
  }
}

ACCRETE_END_NAMESPACE
