/// Documents to one run of tokens, with marks between them.
#pragma once

#include <string_view>
#include <vector>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/text/bpe_tokenizer.hpp>

ACCRETE_BEGIN_NAMESPACE

struct DocumentMarks {
  bool begin = true;  // <s> before each document
  bool end = true;    // </s> behind it
};

/// Encodes each document as plain text (a "</s>" in it is four characters) and puts the marks
/// around it. An empty document gives no tokens and is counted: nothing could be learned from it
/// but that marks follow marks.
class DocumentEncoder {
 public:
  /// ValueError if the vocabulary lacks a mark that is asked for.
  explicit DocumentEncoder(BpeTokenizer const& tokenizer, DocumentMarks marks = {})
      : tokenizer_(tokenizer), marks_(marks) {
    if (marks_.begin) static_cast<void>(tokenizer_.vocabulary().begin());
    if (marks_.end) static_cast<void>(tokenizer_.vocabulary().end());
  }

  /// Appends the tokens of one document to `out`. FileError(source, offset, reason) at invalid
  /// UTF-8; then `out` is as it was.
  void append(std::string_view document, std::vector<TokenId>& out,
              std::string_view source = "document");

  [[nodiscard]] Index documents() const { return documents_; }              // with text
  [[nodiscard]] Index empty_documents() const { return empty_documents_; }  // left out

 private:
  BpeTokenizer tokenizer_;
  DocumentMarks marks_;
  Index documents_ = 0;
  Index empty_documents_ = 0;
};

inline void DocumentEncoder::append(std::string_view document, std::vector<TokenId>& out,
                                    std::string_view source) {
  if (document.empty()) {
    ++empty_documents_;
    return;
  }
  std::vector<TokenId> const ids = tokenizer_.encode(document, SpecialTokens::as_text, source);
  if (marks_.begin) out.push_back(tokenizer_.vocabulary().begin());
  out.insert(out.end(), ids.begin(), ids.end());
  if (marks_.end) out.push_back(tokenizer_.vocabulary().end());
  ++documents_;
}

ACCRETE_END_NAMESPACE
