// peer_sacado.cpp - the scalar workloads with Sacado's Rad: nodes in an arena, linked in order.
#include <Sacado_trad.hpp>

#include "peer_scalar.hpp"

struct SacadoRad {
    using Number = Sacado::Rad::ADvar<double>;
    static void begin() {}
    static Number input(double x) { return x; }
    static double number(const Number &x) { return x.val(); }
    static Number power(const Number &x, int n) { return pow(x, static_cast<double>(n)); }
    static Number relu(const Number &x) { return x.val() > 0 ? x : Number(0.0); }
    static void backward(Number &) { Sacado::Rad::ADcontext<double>::Gradcomp(); }
    static double gradient(const Number &x, int) { return x.adj(); }
    static void end() {} // the next recording begins where this one did
};

int main(int argc, char **argv)
{
    return Workloads<SacadoRad>::serve(argc, argv);
}
