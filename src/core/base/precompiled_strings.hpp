// For the two precompiled headers alone. The inline functions of <string> ask for templates that GCC instantiates at the end of each
// file, in each file again; those that a constant expression needs it instantiates at once, and so only once.
#pragma once

#include <string>

#ifndef __clang__
static_assert(std::string("a", 1).size() + std::wstring(L"a", 1).size() + std::u8string(u8"a", 1).size() +
                  std::u16string(u"a", 1).size() + std::u32string(U"a", 1).size() ==
              5);
#endif
