#include "trust/report_row.h"

#include <algorithm>

#include "base/codec.h"

namespace pabal::trust {
namespace {

constexpr uint8_t kVersion = 1;
constexpr size_t kMaxKept = 255;  // octets of one value

std::string_view cut(std::string_view s) { return s.substr(0, kMaxKept); }

}  // namespace

std::string encode_row(const AggregateReport::Row& row) {
  Encoder out;
  out.u8(kVersion);
  for (const std::string* s :
       {&row.source_ip, &row.disposition, &row.dkim, &row.spf, &row.header_from, &row.envelope_from})
    out.string(cut(*s));
  out.varint(std::min(row.reasons.size(), kMaxKeptSignatures));
  for (size_t i = 0; i < row.reasons.size() && i < kMaxKeptSignatures; ++i)
    out.string(cut(row.reasons[i].type)).string(cut(row.reasons[i].comment));
  out.varint(std::min(row.dkim_results.size(), kMaxKeptSignatures));
  for (size_t i = 0; i < row.dkim_results.size() && i < kMaxKeptSignatures; ++i) {
    const auto& dkim = row.dkim_results[i];
    out.string(cut(dkim.domain)).string(cut(dkim.selector)).string(cut(dkim.result));
  }
  out.varint(std::min(row.spf_results.size(), kMaxKeptSignatures));
  for (size_t i = 0; i < row.spf_results.size() && i < kMaxKeptSignatures; ++i) {
    const auto& spf = row.spf_results[i];
    out.string(cut(spf.domain)).string(cut(spf.scope)).string(cut(spf.result));
  }
  return out.take();
}

std::optional<AggregateReport::Row> decode_row(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  AggregateReport::Row row;
  for (std::string* s : {&row.source_ip, &row.disposition, &row.dkim, &row.spf, &row.header_from, &row.envelope_from})
    *s = in.string();
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    auto& reason = row.reasons.emplace_back();
    reason.type = in.string();
    reason.comment = in.string();
  }
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    auto& dkim = row.dkim_results.emplace_back();
    for (std::string* s : {&dkim.domain, &dkim.selector, &dkim.result}) *s = in.string();
  }
  for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
    auto& spf = row.spf_results.emplace_back();
    for (std::string* s : {&spf.domain, &spf.scope, &spf.result}) *s = in.string();
  }
  if (!in.ok() || !in.done()) return {};
  return row;
}

}  // namespace pabal::trust
