/// What models.hpp promises to be compiled somewhere.
#include "support/models.hpp"

template class accrete::TransformerBlock<accrete::dynamic_block, accrete_test::Cpu>;
template class accrete::TransformerBlock<accrete::dynamic_block, accrete_test::Double>;
template class accrete::Stack<accrete_test::DynamicBlock<accrete_test::Cpu>>;
template class accrete::Stack<accrete_test::DynamicBlock<accrete_test::Double>>;
template class accrete::Decoder<
    accrete::FrozenGlyphEmbedding,
    accrete::Growable<accrete::Stack<accrete_test::DynamicBlock<accrete_test::Cpu>>>>;
template class accrete::Decoder<
    accrete::FrozenGlyphEmbedding,
    accrete::Growable<accrete::Stack<accrete_test::DynamicBlock<accrete_test::Double>>>>;
template class accrete::Trainer<accrete_test::CpuModel>;
template class accrete::Trainer<accrete_test::DoubleModel>;
