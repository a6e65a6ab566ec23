// extract: the text of attached files, for the search: PDF, Office Open XML and OpenDocument, RTF. The readers are pure
// functions within limits, which look at files that strangers wrote: they are run in a process of their own that can
// read its standard input, write its standard output, and do nothing else (sandbox.h, child.h). It knows nothing of
// mail.
//
// What they give is for finding, not for showing: words in the order of the file, whatever its layout. What is damaged,
// encrypted or of another kind gives the text found in it, which may be none.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pabal::extract {

constexpr size_t kMaxFile = 32 << 20;       // octets of a file that is read
constexpr size_t kMaxText = 1 << 20;        // octets of text that are given: as many as the index takes of a message
constexpr size_t kMaxUnpacked = 128 << 20;  // octets of all that is unpacked of one file
constexpr size_t kMaxEntries = 10'000;      // of an archive

// By its first octets.
std::string text_of(std::string_view file);

std::string text_of_pdf(std::string_view file);
std::string text_of_office(std::string_view zip);
std::string text_of_rtf(std::string_view file);

}  // namespace pabal::extract
