#!/usr/bin/perl
# Makes the databases of this folder: places and networks for the addresses of the bundled captures.
# Needs libmaxmind-db-writer-perl. usage: make.pl FOLDER
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my $folder = shift or die "usage: make.pl FOLDER\n";
my %type = (
	country => 'map', iso_code => 'utf8_string', city => 'map', names => 'map', en => 'utf8_string',
	location => 'map', latitude => 'double', longitude => 'double',
	autonomous_system_number => 'uint32', autonomous_system_organization => 'utf8_string',
);

sub database {
	my ($file, $type, %net) = @_;
	my $tree = MaxMind::DB::Writer::Tree->new(
		ip_version => 6, record_size => 24, database_type => $type, languages => ['en'],
		description => { en => 'Made for tests; no address is really there' },
		remove_reserved_networks => 0, alias_ipv6_to_ipv4 => 0,
		map_key_type_callback => sub { $type{ $_[0] } },
	);
	$tree->insert_network($_, $net{$_}) for sort keys %net;
	open my $out, '>:raw', "$folder/$file" or die "$file: $!\n";
	$tree->write_tree($out);
	close $out or die "$file: $!\n";
}

sub place {
	my ($country, $city, $latitude, $longitude) = @_;
	return { country => { iso_code => $country }, ($city ? (city => { names => { en => $city } }) : ()),
		location => { latitude => $latitude, longitude => $longitude } };
}

database('city.mmdb', 'GeoLite2-City',
	'10.77.0.10/32' => place('AT', "Wien\x1b[31m", 48.2082, 16.3738),
	'10.77.0.20/32' => place('DE', undef, 51, 9),
	'fd77::10/128' => place('CH', "Z\x{fc}rich", 47.3769, 8.5417));
database('asn.mmdb', 'GeoLite2-ASN',
	'10.77.0.0/24' => { autonomous_system_number => 64500, autonomous_system_organization => 'Example & Sons "Net"' },
	'fd77::/64' => { autonomous_system_number => 4200000000, autonomous_system_organization => 'Six' });
