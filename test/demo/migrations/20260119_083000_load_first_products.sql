-- Description: The assortment of the opening day
-- Issue: SHOP-9
COPY products (sku, title, price_cents) FROM STDIN;
TEA-001	Darjeeling, first flush, 100 g	1290
TEA-002	Sencha, 100 g	990
POT-001	Teapot, cast iron	4900
CUP-001	Cup, porcelain; set of two	1850
\.
