/// What a checkpoint remembers of the substrate under its model, and a substrate of its ancestors.
#pragma once

#include <string>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/json.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A smaller substrate whose tokens, ids and rows a larger one took over unchanged.
struct SubstrateAncestor {
  std::string fingerprint;
  Index vocabulary_size{};

  friend bool operator==(SubstrateAncestor const&, SubstrateAncestor const&) = default;
};

/// A substrate without its content: enough to say in which part another one differs.
struct SubstrateIdentity {
  std::string fingerprint;
  std::string vocabulary;  // SHA-256 of its canonical bytes
  Index vocabulary_size{};
  Index width{};
  Json provenance = Json::object();
  std::vector<SubstrateAncestor> ancestors{};
};

[[nodiscard]] inline Json to_json(std::vector<SubstrateAncestor> const& ancestors) {
  Json list = Json::array();
  for (SubstrateAncestor const& ancestor : ancestors) {
    list.push_back(Json::object(
        {{"fingerprint", ancestor.fingerprint}, {"vocabulary_size", ancestor.vocabulary_size}}));
  }
  return list;
}

/// ValueError for JSON that is no list of ancestors.
[[nodiscard]] inline std::vector<SubstrateAncestor> ancestors_from_json(Json const& json) {
  std::vector<SubstrateAncestor> ancestors;
  for (Json const& ancestor : json.as_array()) {
    ancestors.push_back(
        {ancestor.at("fingerprint").as_string(), ancestor.at("vocabulary_size").as_int()});
  }
  return ancestors;
}

[[nodiscard]] inline Json to_json(SubstrateIdentity const& identity) {
  return Json::object({{"fingerprint", identity.fingerprint},
                       {"vocabulary", identity.vocabulary},
                       {"vocabulary_size", identity.vocabulary_size},
                       {"width", identity.width},
                       {"provenance", identity.provenance},
                       {"ancestors", to_json(identity.ancestors)}});
}

/// ValueError for JSON that is no identity.
[[nodiscard]] inline SubstrateIdentity substrate_identity_from_json(Json const& json) {
  return {json.at("fingerprint").as_string(),      json.at("vocabulary").as_string(),
          json.at("vocabulary_size").as_int(),     json.at("width").as_int(),
          Json(json.at("provenance").as_object()), ancestors_from_json(json.at("ancestors"))};
}

ACCRETE_END_NAMESPACE
