/// Everything that needs Eigen and the standard library alone.
#pragma once

#include <accrete/backend/cpu/cpu.hpp>
#include <accrete/backend/reference/reference.hpp>
#include <accrete/data/batches.hpp>
#include <accrete/data/document_encoder.hpp>
#include <accrete/data/token_shard.hpp>
#include <accrete/data/token_shard_writer.hpp>
#include <accrete/embedding/binary_id.hpp>
#include <accrete/embedding/frozen_glyph.hpp>
#include <accrete/embedding/leading_components.hpp>
#include <accrete/embedding/learned.hpp>
#include <accrete/embedding/random_code.hpp>
#include <accrete/embedding/random_float.hpp>
#include <accrete/evaluate/perplexity.hpp>
#include <accrete/generate/generate.hpp>
#include <accrete/model/decoder.hpp>
#include <accrete/model/ensemble.hpp>
#include <accrete/model/growable.hpp>
#include <accrete/nn/transformer_block.hpp>
#include <accrete/substrate/substrate.hpp>
#include <accrete/text/bpe_tokenizer.hpp>
#include <accrete/text/ngram_vocabulary.hpp>
#include <accrete/train/checkpoint.hpp>
#include <accrete/train/step_log.hpp>
#include <accrete/train/trainer.hpp>
