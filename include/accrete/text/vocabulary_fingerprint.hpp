/// A vocabulary's own hash, apart from any substrate's: by it a token shard is known to fit.
#pragma once

#include <string>

#include <accrete/io/sha256.hpp>
#include <accrete/text/vocabulary.hpp>

ACCRETE_BEGIN_NAMESPACE

/// SHA-256 in hexadecimal of what Vocabulary::hash_into feeds: equal exactly for equal vocabularies.
[[nodiscard]] inline std::string vocabulary_fingerprint(Vocabulary const& vocabulary) {
  Sha256 hash;
  vocabulary.hash_into(hash);
  return to_hex(hash.digest());
}

ACCRETE_END_NAMESPACE
